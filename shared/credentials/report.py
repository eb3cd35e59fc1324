"""The verification report: what was checked, what came of it, and one plain sentence for people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.credentials.dids import host_of
from shared.credentials.quoting import quoted

# Checks that leave the verdict alone.
BESIDE = frozenset({"recipient", "conformance", "schema", "endorsement"})
_QUESTIONS = {
    "proof": frozenset({"structure", "contexts", "issuer", "proof", "signing_time", "key", "registry", "inclusion"}),
    "status": frozenset({"status", "validity", "history"}),
    "conformance": frozenset({"conformance", "schema"}),
}
# Of checks that are not made because there is nothing to look at.
_NOTHING_MORE = frozenset({"no_status", "see_conformance", "not_in_this_log"})
_GRAVEST_FIRST: tuple["Outcome", ...] = ("fail", "unknown", "skipped", "warn", "pass")

Outcome = Literal["pass", "fail", "warn", "unknown", "skipped"]
Verdict = Literal["valid", "invalid", "unknown"]
Kind = Literal["badge", "endorsement", "credential"]
Standing = Literal["registered", "domain_verified", "unknown"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(_Frozen):
    """One thing looked at; `code` is the stable reason of every outcome but pass."""

    name: str
    outcome: Outcome
    detail: str
    code: str | None = None


class StatusEntry(_Frozen):
    """Where a credential says that its status stands; what it says is not yet believed."""

    type: str
    purpose: str
    list_url: str
    index: str


class CredentialFacts(_Frozen):
    """What a credential says of itself, as far as it says so in the expected form."""

    kind: Kind = "badge"
    id: str | None = None
    name: str | None = None
    issuer_id: str | None = None
    issuer_name: str | None = None
    achievement_id: str | None = None
    achievement_name: str | None = None
    creator_id: str | None = None
    endorses: str | None = None  # of an endorsement: the id of what it is about
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    status: tuple[StatusEntry, ...] = ()
    verification_methods: tuple[str, ...] = ()
    proof_created: datetime | None = None
    digest: str | None = None
    demo: bool = False


class CheckedDocument(_Frozen):
    """What the document alone shows: the first checks of a report, and the facts that the others start from."""

    checks: tuple[Check, ...]
    facts: CredentialFacts

    @property
    def signed_by_issuer(self) -> bool:
        """Whether the signature is good and its key the issuer's: only then is a status worth asking for."""
        outcomes = {check.name: check.outcome for check in self.checks}
        return outcomes.get("proof") == outcomes.get("issuer") == "pass"


class ReportedCredential(_Frozen):
    """The credential that a report is about, without its subject; `kind` says by which rules it was checked."""

    kind: Kind | None
    id: str | None
    name: str | None
    achievement_id: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    digest: str | None


class ReportedIssuer(_Frozen):
    """Who signed: the name claimed in the credential beside the name under which the registry knows the issuer."""

    id: str | None
    claimed_name: str | None
    standing: Standing
    registered_name: str | None = None


class LogPlace(_Frozen):
    """Where an event stands in a transparency log."""

    origin: str
    log_index: int


class Verdicts(_Frozen):
    """The three questions, each with the gravest outcome among its checks.

    `proof`: is it as its issuer signed it, and on record where it should be? `status`: does it hold at this time?
    `conformance`: would strict readers take it?
    """

    proof: Outcome
    status: Outcome
    conformance: Outcome


class Conclusion(_Frozen):
    """What all checks together come to; `reason` is the code of the check that decided, none when valid."""

    verdict: Verdict
    reason: str | None
    summary: str


class Report(_Frozen):
    """The answer of a verification. `status_as_of`: the status is as it was then, or later.

    `as_of`: the time that was asked about, None where that was now; `status_as_of` is then up to when history is here.
    `log`: where the issue of a badge of this registry stands in its log; None while it waits, for others' badges, and
    in what is recalled.
    """

    id: UUID
    verdict: Verdict
    reason: str | None
    summary: str
    verdicts: Verdicts
    checks: tuple[Check, ...]
    credential: ReportedCredential
    issuer: ReportedIssuer
    status_as_of: datetime | None
    verified_at: datetime
    as_of: datetime | None = None
    log: LogPlace | None = None


def called(text: str, kind: Kind) -> str:
    """Return a sentence of ours with what it tells of by its name; one that quotes a stranger stays as it is."""
    if "“" in text:
        return text
    return text.replace("a badge", "an endorsement" if kind == "endorsement" else f"a {kind}").replace("badge", kind)


def conclude(checks: Sequence[Check], issuer: ReportedIssuer, kind: Kind = "badge") -> Conclusion:
    """Return the verdict: invalid by the first failed check, else unknown by the first undecided one, else valid.

    Some checks decide nothing: whose badge it is makes it no better and no worse, nor does what strict readers say.
    """
    others = [check for check in checks if check.name not in BESIDE]
    decisive = next((c for outcome in ("fail", "unknown") for c in others if c.outcome == outcome), None)
    if decisive is None:
        return Conclusion(verdict="valid", reason=None, summary=_valid_summary(checks, issuer, kind))
    verdict: Verdict = "invalid" if decisive.outcome == "fail" else "unknown"
    return Conclusion(verdict=verdict, reason=decisive.code, summary=_summary(verdict, decisive, checks, kind))


def verdicts_of(checks: Sequence[Check]) -> Verdicts:
    """Return the outcome of each question: the gravest of its checks; skipped where no ground was left for one."""

    def gravest(names: frozenset[str]) -> Outcome:
        outcomes = {"pass" if check.code in _NOTHING_MORE else check.outcome for check in checks if check.name in names}
        return next((each for each in _GRAVEST_FIRST if each in outcomes), "skipped")

    return Verdicts(**{question: gravest(names) for question, names in _QUESTIONS.items()})


def reported(facts: CredentialFacts) -> ReportedCredential:
    """Return the part of a credential's facts that stands in its report."""
    return ReportedCredential(**{name: getattr(facts, name) for name in ReportedCredential.model_fields})


_SENTENCES = {
    "tampered": "The badge is not as it was signed: it was changed, or signed with another key.",
    "data_loss": "The badge has a part that its signature does not cover.",
    "issuer_mismatch": "The badge was signed with a key that does not belong to the issuer it names.",
    "revoked": "The issuer has revoked this badge.",
    "suspended": "The issuer has suspended this badge for now.",
    "expired": "The badge has expired.",
    "not_yet_valid": "The badge is not valid yet.",
    "not_yet_issued": "The badge had not been issued yet.",
    "history_incomplete": "The badge is as its issuer made it, but how it stood at that time is not known.",
    "not_in_registry": "The badge names an issuer of this registry, which has no record of it.",
    "not_logged": "The badge is not in the registry's transparency log, where it should be by now.",
    "not_yet_recorded": "The signature is good, but the registry has not recorded the badge yet; ask again soon.",
    "status_unavailable": "The badge is as its issuer made it, but whether it still holds is not known right now.",
}


def _summary(verdict: Verdict, decisive: Check, checks: Sequence[Check], kind: Kind) -> str:
    sentence = called(_SENTENCES.get(decisive.code or "", decisive.detail), kind)
    return sentence if verdict == "invalid" else f"This can't be decided. {sentence} {_recipient(checks)}"


def _valid_summary(checks: Sequence[Check], issuer: ReportedIssuer, kind: Kind) -> str:
    return f"The {kind} is as it was signed, and it holds. {told_beside(checks, issuer)}"


def told_beside(checks: Sequence[Check], issuer: ReportedIssuer) -> str:
    """Return what must be said beside a verdict: who signed, that it is a demonstration, and whose badge it is."""
    outcomes = {check.name: check.outcome for check in checks}
    sentences = [_signer(issuer)] if outcomes.get("standing") != "skipped" else []  # skipped: no good signature
    sentences += ["This is a demonstration badge."] if outcomes.get("demo") == "warn" else []
    return " ".join([*sentences, _recipient(checks)])


def _recipient(checks: Sequence[Check]) -> str:
    """A check that was made, or not made for a reason of its own (a code), speaks for itself."""
    said = (c.detail for c in checks if c.name == "recipient" and (c.outcome != "skipped" or c.code))
    return next(said, "Whose badge it is was not checked.")


def _signer(issuer: ReportedIssuer) -> str:
    if issuer.standing == "registered":
        return f"It is signed by {quoted(issuer.registered_name or issuer.id or '')}."
    claim = f", who calls itself {quoted(issuer.claimed_name)}" if issuer.claimed_name else ""
    if issuer.standing == "domain_verified":
        host = host_of(issuer.id)
        where = f"the domain {quoted(host)}" if host else "the domain of its issuer"
        return f"It comes from somebody at {where}, whom this registry does not know{claim}."
    return f"It is signed by someone whom this registry does not know{claim}."
