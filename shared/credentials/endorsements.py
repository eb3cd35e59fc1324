"""What others say of a badge, its achievement and its issuer, inside the badge: each endorsement a credential itself.

Open Badges 3.0, section B.1 (`endorsement`, `endorsementJwt`). What they come to decides nothing of the badge.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from shared.credentials.checks import failed, passed, undecided
from shared.credentials.quoting import quoted
from shared.credentials.report import Check, CheckedDocument
from shared.credentials.shape import items

# Each costs as much as another badge.
MAX_ENDORSEMENTS = 8
_WORST_FIRST = ("fail", "unknown", "pass")


@dataclass(frozen=True, slots=True)
class Endorsement:
    """One as it stands in a badge, a document or the text of a token, and the ids of what it may be about there."""

    given: Any
    about: frozenset[str]


def found_in(badge: Mapping[str, Any]) -> list[Endorsement]:
    """Return the endorsements in a badge, of itself, its achievement and its issuer, up to one more than are read.

    One that names no contexts is under the badge's. What stands at the badge may be of any of its parts, what stands at
    a part is of that part.
    """
    return list(islice(_found(badge), MAX_ENDORSEMENTS + 1))


def too_many() -> Check:
    """Return what is said where there are more than are looked at."""
    detail = f"The badge carries more than {MAX_ENDORSEMENTS} endorsements; none of them was looked at."
    return undecided("endorsement", "too_complex", detail)


def checks(seen: Sequence[tuple[Endorsement, CheckedDocument]]) -> list[Check]:
    """Return the check that says what a badge's endorsements come to, the worst of them; none without any."""
    said = [_said(*each) for each in seen]
    worst = sorted(said, key=lambda each: _WORST_FIRST.index(each.outcome))[:1]
    if len(said) > 1 and worst[0].outcome == "pass":
        return [worst[0].model_copy(update={"detail": " ".join(each.detail for each in said)})]
    return worst


def _found(badge: Mapping[str, Any]) -> Iterator[Endorsement]:
    subject, issuer = badge.get("credentialSubject"), badge.get("issuer")
    achievement = subject.get("achievement") if isinstance(subject, dict) else None
    parts = [each for each in (badge, achievement, issuer) if isinstance(each, dict)]
    ids = frozenset(each["id"] for each in parts if isinstance(each.get("id"), str))
    for part in parts:
        about = ids if part is badge else ids & {part.get("id")}
        for name in ("endorsement", "endorsementJwt"):
            for given in items(part.get(name, [])):
                whole = {"@context": badge.get("@context"), **given} if isinstance(given, dict) else given
                yield Endorsement(whole, about)


def _said(endorsement: Endorsement, checked: CheckedDocument) -> Check:
    facts = checked.facts
    who = f"somebody who calls himself {quoted(facts.issuer_name or facts.issuer_id or '')}"
    bad = next((each for each in checked.checks if each.outcome in ("fail", "unknown")), None)
    if bad is not None:
        code = bad.code or "endorsement_unverifiable"
        detail = f"An endorsement by {who} can't be relied on: {bad.detail}"
        return Check(name="endorsement", outcome=bad.outcome, detail=detail, code=code)
    if facts.kind != "endorsement" or facts.endorses not in endorsement.about:
        detail = f"An endorsement by {who} is of something else than what it stands at."
        return failed("endorsement", "endorses_something_else", detail)
    return passed("endorsement", f"It is endorsed, and that is signed, by {who}.")
