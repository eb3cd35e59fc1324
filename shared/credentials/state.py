"""How a credential stands, in one word: what its issuer decided, what came in its place, and what the clock did."""

from datetime import datetime
from typing import Literal

State = Literal["issued", "suspended", "revoked", "expired", "replaced", "renewed"]


def state_of(status: str, *, replaced: bool, renewed: bool, ends: datetime | None, now: datetime) -> State:
    """Return how a credential stands at `now`: what somebody decided comes before what the clock did.

    `status` is what the status lists say: issued, suspended or revoked. A replaced one is revoked; a renewed one stays
    as it is.
    """
    if status == "revoked":
        return "replaced" if replaced else "revoked"
    if status == "suspended":
        return "suspended"
    if renewed:
        return "renewed"
    return "expired" if ends and ends <= now else "issued"
