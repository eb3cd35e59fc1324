"""Asks the verifier how fresh its answers are; where it does not say, nothing is shown."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from console.neighbours import Asking, Away


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Seen(_Part):
    """From revoked to seen by the verifier, over some time; null where no badge was revoked in it."""

    count: int
    p50_seconds: float | None = None
    p99_seconds: float | None = None


class RevokeToSeen(_Part):
    """The same, over the last hour and day."""

    last_hour: Seen | None = None
    last_day: Seen | None = None


class Freshness(_Part):
    """How fresh the verifier's answers are."""

    status_as_of: datetime | None
    age_seconds: float | None
    fresh: bool
    revoke_to_seen: RevokeToSeen = RevokeToSeen()


async def freshness(asking: Asking, verifier: str) -> Freshness | None:
    """Return what the verifier says of itself; None where it does not answer, or not in this form."""
    try:
        answer = await asking.get(f"{verifier}/v1/freshness")
        return Freshness.model_validate(answer.json()) if answer.status == 200 else None
    except (Away, ValidationError):
        return None
