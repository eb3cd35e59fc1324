"""What a watch is of: the answer that a fresh verification would give, and what is told when it changes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.verifier.domain.judgement import judge
from services.verifier.domain.known import Known, Rules, as_of, is_held, is_stale
from shared.credentials.checks import passed, within_dates
from shared.credentials.dids import controller_of
from shared.credentials.instants import CLOCK_DIFFERENCE
from shared.credentials.report import CheckedDocument, CredentialFacts, Standing, Verdict
from shared.messaging.events import CredentialState, InstitutionState, Message, SigningKeyState

Kind = Literal[
    "revoked", "replaced", "suspended", "reinstated", "expired", "key_withdrawn", "standing_changed", "other"
]

_KINDS: dict[str | None, Kind] = {
    "revoked": "revoked",
    "suspended": "suspended",
    "expired": "expired",
    "key_retired": "key_withdrawn",
}


@dataclass(frozen=True)
class Watched:
    """A badge of this registry, as far as its answer needs what is signed in it."""

    credential_id: UUID
    verification_methods: Sequence[str]
    signed_at: datetime
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def facts(self, rules: Rules) -> CredentialFacts:
        """Return the facts that the badge would be looked up by."""
        return CredentialFacts(
            id=f"{rules.credentials_url}{self.credential_id}",
            issuer_id=controller_of(self.verification_methods[0]),
            verification_methods=tuple(self.verification_methods),
            proof_created=self.signed_at,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
        )

    def next_date(self, now: datetime) -> datetime | None:
        """Return when a date of the badge changes its answer next; None where none will."""
        begins = self.valid_from - CLOCK_DIFFERENCE if self.valid_from else None
        return min((each for each in (begins, self.valid_until) if each and each > now), default=None)


@dataclass(frozen=True)
class Answer:
    """What a verification comes to; `unknown` is that of a watch of which nothing could be decided yet."""

    verdict: Verdict
    reason: str | None
    standing: Standing


UNDECIDED = Answer("unknown", "status_unavailable", "unknown")
# What is told first differs from this where a watch began undecided: that all is well is no news.
_AS_HOPED = Answer("valid", None, "registered")


@dataclass(frozen=True)
class Change:
    """What made an answer another one, and when."""

    kind: Kind
    at: datetime


def answer(watched: Watched, known: Known, rules: Rules) -> Answer | None:
    """Return the answer that a verification of the genuine badge would give; None while that is not certain.

    It comes of the same rules as every verification's. While a copy is old, or empty for a rebuild, it is not certain,
    even where a verification would say `expired`: what comes before that in its order may not be here.
    """
    if known.issuer is None or known.recorded is None:
        return None
    facts = watched.facts(rules).model_copy(update={"digest": known.recorded.document_digest})
    if is_held(facts, known) or is_stale(as_of(facts, known), known, rules):
        return None
    signed = [passed(name, "It was when the badge was made.") for name in ("structure", "contexts", "issuer", "proof")]
    dates = within_dates(facts.valid_from, facts.valid_until, known.now)
    judged = judge(CheckedDocument(checks=(*signed, dates), facts=facts), known, rules, ())
    if judged.conclusion.verdict == "unknown":
        return None
    return Answer(judged.conclusion.verdict, judged.conclusion.reason, judged.issuer.standing)


def change(before: Answer, after: Answer, watched: Watched, known: Known) -> Change | None:
    """Return what is to be told of an answer that took another's place; None where nothing changed.

    A verdict and a standing that change together are one change, the verdict's.
    """
    if before.verdict == "unknown":
        before = _AS_HOPED
    if before == after:
        return None
    if (before.verdict, before.reason) == (after.verdict, after.reason):
        return Change("standing_changed", known.now)
    kind = _KINDS.get(after.reason, "other")
    if after.verdict == "valid" and before.reason == "suspended":
        kind = "reinstated"
    if kind == "revoked" and known.recorded and known.recorded.replaced_by:
        kind = "replaced"
    return Change(kind, _since(kind, watched, known))


def _since(kind: Kind, watched: Watched, known: Known) -> datetime:
    """When it changed, by the issuer's clock or the badge's date; of what has no date, when it was noticed."""
    if kind == "expired" and watched.valid_until:
        return watched.valid_until
    if kind in ("revoked", "replaced", "suspended", "reinstated") and known.recorded and known.recorded.history:
        return max(known.recorded.history, key=lambda each: each.version).time
    return known.now


def subjects(messages: Iterable[Message]) -> list[UUID]:
    """Return the ids of credentials, and of institutions, whose badges' answers may be others after these states.

    First versions change nobody's answer: nothing was certain before them.
    """
    found: dict[UUID, None] = {}
    for each in messages:
        match each:
            case CredentialState(version=version, credential_id=subject) if version > 1:
                found[subject] = None
            case (
                InstitutionState(version=version, institution_id=subject)
                | SigningKeyState(version=version, institution_id=subject)
            ) if version > 1:
                found[subject] = None
    return list(found)
