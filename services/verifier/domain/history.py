"""How things stood at a time in the past, folded from what their issuer told of their changes; nothing is guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["issued", "suspended", "revoked"]
Standing = Literal["registered", "withdrawn"]

_BECOMES: dict[str, Status] = {
    "issued": "issued",
    "suspended": "suspended",
    "reinstated": "issued",
    "revoked": "revoked",
}


@dataclass(frozen=True)
class Change:
    """One version of a credential: what it became, and when, by the issuer's clock."""

    version: int
    type: str
    time: datetime


@dataclass(frozen=True)
class StandingSince:
    """One version of an institution: how it stood from that time on."""

    version: int
    standing: Standing
    time: datetime


def is_whole(history: Sequence[Change], version: int, status: Status) -> bool:
    """Tell whether a history has every version of a credential, and comes out at the status that it is said to have."""
    versions = sorted(each.version for each in history)
    last = max(history, key=lambda each: each.version, default=None)
    return versions == list(range(1, version + 1)) and last is not None and _BECOMES.get(last.type) == status


def status_at(history: Sequence[Change], at: datetime) -> Status | None:
    """Return a credential's status at a time, of a whole history; None: it had not been issued yet.

    Versions, not times, give the order: where a clock was set back, what came later counts, and all before it.
    """
    begun = [each for each in history if each.time <= at]
    return _BECOMES[max(begun, key=lambda each: each.version).type] if begun else None


def standing_at(
    history: Sequence[StandingSince], version: int, standing: Standing, at: datetime
) -> Standing | Literal["not_yet"] | None:
    """Return how an institution that has this version and standing now stood at a time; None where that is not known.

    `history` may have gaps: between two versions that do not follow each other nothing is known. Of an institution that
    never changed, the present standing is the only one that it had.
    """
    by_version = {each.version: each for each in history}
    begun = [each for each in history if each.time <= at]
    if not history:
        return standing if version == 1 else None
    if not begun:
        return "not_yet" if 1 in by_version else None
    last = max(begun, key=lambda each: each.version)
    return last.standing if last.version == version or last.version + 1 in by_version else None
