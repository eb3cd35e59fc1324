"""Says how fresh the verifier's answers are, and how fast revocations reach it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from services.verifier.handlers.freshness import Canary
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/freshness", tags=["freshness"], route_class=StrictRoute)


async def _canary(request: Request) -> Canary:
    canary: Canary = request.app.state.canary
    return canary


TheCanary = Annotated[Canary, Depends(_canary)]


class Seen(BaseModel):
    """Revocations that were seen in a time, and the seconds from accepted at the issuer to seen here."""

    count: int = Field(examples=[12])
    p50_seconds: float | None = Field(examples=[0.21], description="Null where there was none.")
    p99_seconds: float | None = Field(examples=[0.58])


class RevokeToSeen(BaseModel):
    """From real revocations; those of sandboxes are left out."""

    last_hour: Seen
    last_day: Seen


class FreshnessReport(BaseModel):
    """Up to when all that the issuer accepted is known here; `fresh` says whether answers may rest on it."""

    status_as_of: datetime | None = Field(description="Null while a part of the issuer's word has never been heard.")
    age_seconds: float | None = Field(examples=[0.9])
    max_status_age_seconds: float = Field(examples=[60.0], description="Answers on older word are `unknown`.")
    fresh: bool
    revoke_to_seen: RevokeToSeen


@router.get("")
async def freshness(canary: TheCanary) -> FreshnessReport:
    """How fresh answers are now, and how long revocations of the last hour and day took. No key is needed."""
    now, figures = await canary.now(), await canary.figures()
    return FreshnessReport(
        status_as_of=now.status_as_of,
        age_seconds=now.age_seconds,
        max_status_age_seconds=now.max_status_age.total_seconds(),
        fresh=now.fresh,
        revoke_to_seen=RevokeToSeen(last_hour=_seen(figures, "hour"), last_day=_seen(figures, "day")),
    )


def _seen(figures: dict[str, float | None], span: str) -> Seen:
    p50, p99 = (_rounded(figures[f"{span}_{name}"]) for name in ("p50", "p99"))
    return Seen(count=int(figures[f"{span}_count"] or 0), p50_seconds=p50, p99_seconds=p99)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
