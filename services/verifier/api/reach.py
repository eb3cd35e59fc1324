"""Tells an institution how far a change of its badges would reach, and nothing of whom."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from services.verifier.api.asked import described, read_model
from services.verifier.api.bodies import ForeignRoute
from services.verifier.store import reach as store
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase
from shared.web.fields import Body
from shared.web.limits import Rate

PATH = "/v1/reach"
MAX_IDS = 100_000
# An id in quotation marks with comma and blank has 40.
MAX_BYTES = MAX_IDS * 40 + 1024

router = APIRouter(tags=["reach"], route_class=ForeignRoute)

Institution = Annotated[Principal, Depends(require("institution", scope="read"))]


class ReachRequest(Body):
    """Badges that may be changed."""

    credential_ids: list[UUID] = Field(
        min_length=1,
        max_length=MAX_IDS,
        description="Those that are not the institution's own count nothing.",
        examples=[["0d6c2b8e-1111-4222-8333-44445555666a"]],
    )


class Reach(Body):
    """Whom a change would reach, in fives; null where fewer than five employers are behind a figure."""

    employers: int | None = Field(description="That verified any of the badges.", examples=[15])
    watches: int | None = Field(description="That would tell of a change.", examples=[None])


async def _body(request: Request, institution: Institution) -> ReachRequest:
    """Read the body of an institution that may ask; nobody else makes us read so much."""
    rate: Rate = request.app.state.reach_rate
    rate.spend(str(institution.tenant_id))
    return await read_model(request, ReachRequest)


TheBody = Annotated[ReachRequest, Depends(_body)]
_BODY = {"required": True, "content": {"application/json": {"schema": described(ReachRequest)}}}


@router.post(PATH, openapi_extra={"requestBody": _BODY})
async def reach(
    institution: Institution, database: AppDatabase, body: Annotated[ReachRequest, Depends(_body)]
) -> Reach:
    """How many employers verified any of the institution's badges, and how many watches would tell of a change.

    For the preview of a revocation of many badges. Counts go by fives, so that two answers mostly tell nothing of one
    badge, and an institution may ask sixty times an hour.
    """
    async with database.transaction(institution.tenant_id) as tx:
        found = await store.reach(tx, institution.tenant_id, body.credential_ids)
    return Reach(**found)
