"""Refuses before signing what strict readers of Open Badges would refuse afterwards, by the rules they read by."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.issuer.domain.asked import member_of_achievement
from shared.credentials.badge import Issuer, Recipient, open_badge
from shared.credentials.conformance import Problem, problems, problems_in
from shared.credentials.contexts import OPEN_BADGES_V3
from shared.credentials.shape import items
from shared.credentials.suites import EDDSA_RDFC
from shared.credentials.walking import path_of, within
from shared.errors import Invalid

MemberOf = Callable[[str], str | None]
_YOUNG = frozenset({"endorsementJwt", "jti"})
_STATUS = "credentialStatus"
_ACHIEVEMENT = "credentialSubject.achievement."


def refuse_unfit_badge(badge: Mapping[str, Any], member_of: MemberOf) -> None:
    """Raise Invalid (`not_conformant`), which names each place, where a strict reader would refuse a badge.

    `member_of` says by which member of the request it was asked for, where there is one. Two status entries pass: an
    achievement that is `suspendable` asks for them, knowing it.
    """
    _refuse([each for each in problems(badge) if each.path != _STATUS], member_of)


def refuse_young_terms(document: Mapping[str, Any]) -> None:
    """Raise Invalid (`not_conformant`) for terms that were added to the Open Badges context after it was published.

    Readers that keep it as it was before do not know them, and so can't tell what was signed.
    """
    if OPEN_BADGES_V3 in items(document.get("@context")):
        sentence = "is a term that not all copies of the Open Badges context have."
        young = [place for place, _ in within(document) if place is not None and place[1] in _YOUNG]
        _refuse([Problem(path_of(place), sentence) for place in young], member_of_given)


def member_of_given(path: str) -> str:
    """Return where something stands in a request for a credential that the institution wrote itself."""
    return f"credential.{path}"


def refuse_unfit_achievement(badge_form: Mapping[str, Any]) -> None:
    """Raise Invalid (`not_conformant`) where every badge of an achievement would be refused."""
    probe = open_badge(
        credential_id="urn:uuid:00000000-0000-4000-8000-000000000000",
        issuer=Issuer("urn:issuer", "Anybody"),
        achievement=badge_form,
        recipient=Recipient(id="urn:anybody"),
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    )
    found = [each for each in problems(probe) if each.path.startswith(_ACHIEVEMENT)]
    _refuse([Problem(each.path.removeprefix(_ACHIEVEMENT), each.sentence) for each in found], member_of_achievement)


def warnings(badge: Mapping[str, Any]) -> list[Problem]:
    """Return what some strict readers will not take in a signed badge of ours, as it was asked for."""
    found = [each for each in problems_in(badge, _STATUS) if each.path == _STATUS]
    suites = [each.get("cryptosuite") for each in items(badge.get("proof", [])) if isinstance(each, dict)]
    if EDDSA_RDFC.name not in suites:
        found.append(
            Problem("proof", f"has no {EDDSA_RDFC.name} proof, and common validators of badges take no other.")
        )
    return found


def _refuse(found: Sequence[Problem], member_of: MemberOf) -> None:
    if found:
        first, told = found[0], [_told(each, member_of(each.path)) for each in found]
        asked = f" (in the request: {told[0]['member']})" if "member" in told[0] else ""
        detail = f"Strict readers would refuse such a badge: {first.path}{asked} {first.sentence}"
        raise Invalid("not_conformant", detail, errors=told)


def _told(problem: Problem, member: str | None) -> dict[str, str]:
    return {"path": problem.path, "message": problem.sentence, **({"member": member} if member else {})}
