"""By which member of a request something was asked for that stands at a place in the signed document."""

import re
from collections.abc import Mapping
from typing import Any

from services.issuer.domain.achievements import TERMS

# Places whose every part was asked for by one member, which has the same parts; in Open Badges' own names, which
# requests may use too.
_OF_ORDERS = {
    "validFrom": "valid_from",
    "validUntil": "valid_until",
    "evidence": "evidence",
    "credentialSubject.result": "results",
    "credentialSubject.id": "recipient.id",
    "proof": "formats",
}
_OF_ACHIEVEMENTS = {"name": "name", "alignment": "alignment", **{term: member for member, term in TERMS.items()}}
_IDENTITY = re.compile(r"credentialSubject\.identifier\[(\d+)\]")
_BY_IDENTITY = {"emailAddress": "recipient.email", "name": "recipient.name"}


def member_of_order(path: str, badge: Mapping[str, Any]) -> str | None:
    """Return the member of an order for a badge; None where what stands there has another origin."""
    identity = _IDENTITY.match(path)
    if identity is None:
        return _mapped(path, _OF_ORDERS)
    found = badge["credentialSubject"]["identifier"][int(identity[1])]
    return _BY_IDENTITY.get(found.get("identityType"))


def member_of_achievement(path: str) -> str | None:
    """Return the member of an achievement's content, where a path within the Achievement has one."""
    return _mapped(path, _OF_ACHIEVEMENTS)


def _mapped(path: str, members: Mapping[str, str]) -> str | None:
    for place, member in members.items():
        rest = path.removeprefix(place)
        if path.startswith(place) and rest[:1] in ("", ".", "["):
            return f"{member}{rest}"
    return None
