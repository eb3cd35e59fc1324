"""Puts a report together: what the document shows, what this registry knows, and what nobody has looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.verifier.domain.known import Known, Recorded, Rules, as_of
from services.verifier.domain.registry import here, in_its_place, while_keys_may_be_on_their_way
from services.verifier.domain.then import history_check, standing_not_known, standing_then, when
from shared.credentials.checks import passed, skipped, warned
from shared.credentials.dids import host_of
from shared.credentials.identity import Match
from shared.credentials.quoting import conceals, quoted
from shared.credentials.report import (
    Check,
    CheckedDocument,
    Conclusion,
    CredentialFacts,
    ReportedIssuer,
    Standing,
    called,
    conclude,
)


@dataclass(frozen=True)
class Judgement:
    """The whole answer but its id; `recorded` only where the signed badge is one of this registry."""

    checks: tuple[Check, ...]
    conclusion: Conclusion
    issuer: ReportedIssuer
    recorded: Recorded | None
    status_as_of: datetime | None


def judge(checked: CheckedDocument, known: Known, rules: Rules, further: Sequence[Check]) -> Judgement:
    """Put the answer together: what the document shows, what is known of its issuer and status, and `further` checks.

    The dates come after the status: a badge that was revoked stays so when it has also expired. What decides nothing
    comes last.
    """
    later = [check for check in checked.checks if check.name in _AFTER_THE_STATUS]
    looked_up_at = None if known.asks_of_past else known.looked_up_at
    proof = [_dated(check, looked_up_at) for check in checked.checks if check not in later]
    issuer = reported_issuer(checked, known)
    ours = known.issuer if checked.signed_by_issuer else None
    status_as_of = as_of(checked.facts, known) if ours else None
    checks = (
        *(while_keys_may_be_on_their_way(check, checked.facts, known, rules) for check in proof),
        *here(checked, known, rules),
        *history_check(checked, known, status_as_of),
        *later,
        *_demonstration(checked, known),
        *_trust(checked, known, issuer, rules),
        *_deceptive_names(checked.facts),
        *further,
    )
    kind = checked.facts.kind
    checks = tuple(check.model_copy(update={"detail": called(check.detail, kind)}) for check in checks)
    recorded = known.recorded if ours and known.recorded and known.recorded.institution_id == ours.id else None
    return Judgement(
        checks,
        _concluded(conclude(checks, issuer, kind), known, recorded, rules),
        issuer,
        recorded=recorded,
        status_as_of=status_as_of if ours else _looked_up_at(checks, known),
    )


def _concluded(conclusion: Conclusion, known: Known, recorded: Recorded | None, rules: Rules) -> Conclusion:
    """Say what has the place of a revoked badge, and of which time the sentence speaks, where that is not now."""
    told = conclusion.summary + (in_its_place(recorded, rules) if conclusion.reason == "revoked" else "")
    summary = f"As of {when(known.at)}: {told}" if known.asks_of_past else told
    return conclusion.model_copy(update={"summary": summary})


def _dated(check: Check, looked_up_at: datetime | None) -> Check:
    """Say of a status that was looked up elsewhere how old the word on it is: it may have been kept for a while."""
    if check.name != "status" or check.outcome not in ("pass", "fail") or looked_up_at is None:
        return check
    return check.model_copy(update={"detail": f"{check.detail} As of {when(looked_up_at)}."})


def _looked_up_at(checks: Sequence[Check], known: Known) -> datetime | None:
    decided = any(check.name == "status" and check.outcome in ("pass", "fail") for check in checks)
    return known.looked_up_at if decided else None


def reported_issuer(checked: CheckedDocument, known: Known) -> ReportedIssuer:
    """Say who signed; without a good signature the issuer that a document names is a mere claim."""
    issuer = known.issuer if checked.signed_by_issuer else None
    return ReportedIssuer(
        id=checked.facts.issuer_id,
        claimed_name=checked.facts.issuer_name,
        standing=_standing(checked, known),
        registered_name=issuer.name if issuer else None,
    )


def _standing(checked: CheckedDocument, known: Known) -> Standing:
    """A stranger whose identifier names a host has its keys from there alone (KnownKeys, check_assertion)."""
    if not checked.signed_by_issuer:
        return "unknown"
    if known.issuer is None:
        return "domain_verified" if host_of(checked.facts.issuer_id) else "unknown"
    if known.asks_of_past:
        return standing_then(known) or "unknown"
    return "registered" if known.issuer.standing == "registered" else "unknown"


def not_asked() -> Check:
    """Return the recipient check of a report for somebody who named nobody."""
    detail = "Whose badge it is was not checked."
    return Check(name="recipient", outcome="skipped", detail=detail, code="not_asked")


def recipient_check(checked: CheckedDocument, match: Match) -> Check:
    """Say whether the badge is the expected person's; a badge without a good signature says nothing of anybody."""
    if not checked.signed_by_issuer:
        return skipped("recipient")
    detail, code = _RECIPIENT[match]
    return Check(name="recipient", outcome=match, detail=detail, code=code)


def not_made(document: Mapping[str, object], checked: CheckedDocument) -> list[Check]:
    """Say which parts of a document nobody has looked at, beyond that they are signed."""
    made = {check.name for check in checked.checks}
    return [
        Check(name=name, outcome="skipped", detail=f"{what} was not looked at.", code="not_supported")
        for name, (member, what) in _NOT_LOOKED_AT.items()
        if member in document and name not in made
    ]


_AFTER_THE_STATUS = frozenset({"endorsed", "validity", "demo", "conformance", "schema", "endorsement"})
_RECIPIENT: dict[Match, tuple[str, str | None]] = {
    "pass": ("It was issued to the person asked about.", None),
    "fail": ("It was issued to somebody else than the person asked about.", "wrong_recipient"),
    "unknown": ("Whether it was issued to the person asked about can't be told.", "recipient_unknown"),
}
_NOT_LOOKED_AT = {
    "schema": ("credentialSchema", "The JSON schema that it names"),
    "evidence": ("evidence", "The evidence that it names"),
    "endorsement": ("endorsement", "What others say of it"),
    "refresh": ("refreshService", "Whether there is a newer edition"),
    "terms": ("termsOfUse", "Its terms of use"),
    "related": ("relatedResource", "Whether the resources that it names are still as they were"),
    "rendering": ("renderMethod", "How its issuer wants it shown"),
    "confidence": ("confidenceMethod", "What it says of knowing its subject"),
}


def _trust(checked: CheckedDocument, known: Known, issuer: ReportedIssuer, rules: Rules) -> list[Check]:
    if not checked.signed_by_issuer:
        return [skipped("standing")]
    if not_known := standing_not_known(known):
        standing = not_known
    elif issuer.standing == "registered":
        standing = passed("standing", "The issuer is an institution of this registry.")
    elif issuer.standing == "domain_verified":
        host = quoted(host_of(issuer.id) or "")
        detail = (
            f"Of the issuer only the domain {host} is known, which was asked. It is no institution of this registry."
        )
        standing = warned("standing", "only_domain_known", detail)
    else:
        detail = "The issuer is not an institution that this registry knows."
        standing = warned("standing", "unknown_issuer", detail)
    return [standing, *_creator(checked.facts, issuer, rules)]


def _demonstration(checked: CheckedDocument, known: Known) -> list[Check]:
    """Warn of what an institution issues that is there for trying out, where the credential does not say so itself."""
    tried_out = known.issuer is not None and known.issuer.sandbox and checked.signed_by_issuer
    if not tried_out or any(check.name == "demo" for check in checked.checks):
        return []
    return [warned("demo", "demo", "This is a demonstration: its institution is here for trying out.")]


def _creator(facts: CredentialFacts, issuer: ReportedIssuer, rules: Rules) -> list[Check]:
    """Warn of an achievement that is somebody else's: anybody can copy one and sign it."""
    if facts.creator_id not in (None, facts.issuer_id):
        detail = "The achievement names somebody else than the issuer as its creator."
        return [warned("creator", "not_the_creator", detail)]
    if issuer.registered_name is None and (facts.achievement_id or "").startswith(rules.achievements_url):
        detail = "The achievement is one of this registry, the issuer is none of its institutions."
        return [warned("creator", "not_the_creator", detail)]
    return []


def _deceptive_names(facts: CredentialFacts) -> list[Check]:
    """Warn of names that may not be what they seem; they decide nothing, since a signature covers them as they are."""
    names = {
        "issuer_name": ("The name that the issuer gives itself", facts.issuer_name),
        "credential_name": ("The badge's name", f"{facts.name or ''}{facts.achievement_name or ''}"),
    }
    detail = "holds characters that are not seen or that turn the direction of text."
    return [
        warned(name, "deceptive_name", f"{what} {detail}")
        for name, (what, text) in names.items()
        if conceals(text or "")
    ]
