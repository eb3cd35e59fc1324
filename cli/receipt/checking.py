"""What a receipt shows, what it leaves open, and what is wrong with it; pure, and with no network."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.log.files import Finding
from cli.receipt.form import Event, Receipt, utc
from cli.receipt.trust import Trust, ed25519
from shared.credentials import base64url
from shared.credentials.errors import CredentialError
from shared.credentials.keys import verify_signature
from shared.credentials.receipts import signed_form
from shared.transparency.base64_lines import read_hash
from shared.transparency.checkpoints import Checkpoint
from shared.transparency.commitments import commitment, verification_facts
from shared.transparency.errors import TransparencyError
from shared.transparency.merkle import check_inclusion, leaf_hash

# What no receipt can show.
NO_LATER = "That nothing happened to the badge later: no receipt shows that no later event existed."
_SIGNATURE_TEXT = 86  # 64 bytes in base64url
_SALT_TEXT = 43
_CALLED = {"issued": "The badge's issue", "status": "Its last change", "verification": "The answer"}
_STATUS = {"revoked": "revoked", "suspended": "suspended", None: "issued"}


@dataclass
class Result:
    """What was checked and holds, and what could not be checked or nobody was named for: sentences."""

    shown: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    @property
    def proven(self) -> bool:
        """Whether all that a receipt can show is shown."""
        return not self.open


def check(said: Mapping[str, Any], receipt: Receipt, trust: Trust, *, badge: str | None, now: int) -> Result:
    """Return what a receipt shows to somebody who trusts these; `said` is its JSON object.

    `badge` is the digest (hexadecimal) of the badge that it should be about, None where none is at hand; `now` in POSIX
    seconds. Raises Finding where anything is wrong.
    """
    result = Result()
    _check_signature(said, receipt, trust, result)
    _check_badge(receipt, badge, result)
    _check_log(receipt, trust, now, result)
    _check_answer(receipt, result)
    _check_badges_facts(receipt, result)
    return result


def _check_signature(said: Mapping[str, Any], receipt: Receipt, trust: Trust, result: Result) -> None:
    known = trust.knows_the_key(receipt)
    try:
        signature = base64url.decode(receipt.signature, _SIGNATURE_TEXT)
        good = verify_signature(ed25519(receipt.key.public_key_multibase), signature, signed_form(said))
    except CredentialError as error:
        raise Finding(f"Its signature can't be read: {error.detail}") from error
    if not good:
        raise Finding("It is not as the verifier signed it.")
    if known:
        result.shown.append("The verifier signed exactly this.")
    else:
        result.open.append("Whose key signed it: name the verifier's with --verifier-key or --keys.")


def _check_badge(receipt: Receipt, badge: str | None, result: Result) -> None:
    if receipt.document_digest != receipt.report.credential.digest:
        raise Finding("It names two digests of what was checked.")
    if badge is None:
        return
    if badge != receipt.document_digest:
        raise Finding("It is about another badge than the one given, or that was changed.")
    result.shown.append("It is about the badge given.")


def _check_log(receipt: Receipt, trust: Trust, now: int, result: Result) -> None:
    try:
        checkpoint, cosignatures = trust.open(receipt, now)
    except (TransparencyError, UnicodeEncodeError) as error:
        raise Finding(f"Its checkpoint is not to be relied on: {error}") from error
    if trust.policy is None:
        result.open.append("Whose log it is: name its key with --vkey, or a policy with --policy.")
    else:
        by = len({each.verifier for each in cosignatures})
        result.shown.append(f"The log {checkpoint.origin} signed its {checkpoint.size} leaves; known witnesses: {by}.")
    if not receipt.events or max(Counter(each.about for each in receipt.events).values()) > 1:
        raise Finding("It shows no event, or two of a kind.")
    for event in receipt.events:
        _check_event(event, checkpoint, result)


def _check_event(event: Event, checkpoint: Checkpoint, result: Result) -> None:
    called, opened = _CALLED[event.about], _opened_leaf(event)
    leaf, proof = read_hash(event.leaf_hash), [read_hash(each) for each in event.inclusion]
    hashes = [each for each in proof if each is not None]
    if leaf is None or len(hashes) != len(proof):
        raise Finding(f"{called}: a hash is not written as one.")
    if opened is not None and opened != leaf:
        raise Finding(f"{called}: what it opens is not what the log has at leaf {event.log_index}.")
    try:
        check_inclusion(index=event.log_index, size=checkpoint.size, leaf=leaf, proof=hashes, root=checkpoint.root)
    except TransparencyError as error:
        raise Finding(f"{called} is not shown to be in the log: {error.detail}") from error
    if opened is None:
        result.open.append(f"{called}: leaf {event.log_index} is in the log, and nothing opens it.")
    else:
        result.shown.append(f"{called} is in the log: leaf {event.log_index}.")


def _opened_leaf(event: Event) -> bytes | None:
    """Return the leaf's hash that facts and salt give; None where there are none."""
    if event.facts is None and event.salt is None:
        return None
    if event.facts is None or event.salt is None or event.facts.get("event_id") != str(event.event_id):
        raise Finding(f"{_CALLED[event.about]}: facts and salt do not open this event.")
    try:
        return leaf_hash(commitment(base64url.decode(event.salt, _SALT_TEXT), event.facts))
    except (CredentialError, TransparencyError) as error:
        raise Finding(f"{_CALLED[event.about]}: its opening can't be read: {error.detail}") from error


def _check_answer(receipt: Receipt, result: Result) -> None:
    """Hold the report to what the log has of it."""
    report, event = receipt.report, receipt.event("verification")
    if event is None:
        result.open.append("The answer itself is not in the log: what it was, the verifier says.")
    if event is None or event.facts is None:
        return
    facts = verification_facts(
        event_id=report.id,
        verification_id=report.id,
        credential_id=None,
        verdict=report.verdict,
        reason=report.reason,
        standing=report.issuer.standing,
        verified_at=report.verified_at,
        as_of=report.as_of,
    )
    if facts != {name: value for name, value in event.facts.items() if name != "credential_id"}:
        raise Finding("The report is not the answer that the log has.")
    result.shown.append(f"The log has this answer: {report.verdict}, at {utc(report.verified_at)}.")


def _check_badges_facts(receipt: Receipt, result: Result) -> None:
    """Hold the badge's issue and last change to each other and to the report."""
    badges = [event for event in receipt.events if event.about != "verification" and event.facts]
    for event in badges:
        if _fact(event, "record") != "credential" or (_fact(event, "type") == "issued") != (event.about == "issued"):
            raise Finding(f"{_CALLED[event.about]}: the log has something else there.")
    answer = receipt.event("verification")
    named = {_fact(event, "credential_id") for event in badges}
    if named and answer and answer.facts:
        named.add(_fact(answer, "credential_id"))
    if len(named) > 1 or len({_fact(event, "document_digest") for event in badges}) > 1:
        raise Finding("Its events are not of one badge.")
    if badges:
        _check_digest(badges[0], receipt, result)
        _check_status(receipt, result)


def _check_digest(event: Event, receipt: Receipt, result: Result) -> None:
    """A badge that was issued as a token too has another digest as such, which is in no leaf."""
    if _fact(event, "document_digest") == receipt.document_digest:
        result.shown.append("The log has the very document that was checked.")
    elif _outcomes(receipt, "registry") == {("pass", None)}:
        result.open.append(
            "What was checked is another form of the badge than the log names (a token): the verifier's word."
        )
    else:
        result.shown.append("The log has another document than the one that was checked, as the report says.")


def _check_status(receipt: Receipt, result: Result) -> None:
    newest = receipt.event("status") or receipt.event("issued")
    if newest is None or not newest.facts:
        return
    decided = {
        _STATUS[code]
        for outcome, code in _outcomes(receipt, "status")
        if (outcome == "pass" and code is None) or (outcome == "fail" and code in ("revoked", "suspended"))
    }
    status = _fact(newest, "status")
    if decided and status not in decided:
        raise Finding(f"The report's status is not the one that its own grounds have: {status}.")
    result.shown.append(f"The status that it rests on is in the log: {status}.")


def _outcomes(receipt: Receipt, name: str) -> set[tuple[str, str | None]]:
    return {(each.outcome, each.code) for each in receipt.report.checks if each.name == name}


def _fact(event: Event, name: str) -> str | int | None:
    return event.facts.get(name) if event.facts else None
