"""What an institution decides for itself."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, Field

from services.issuer.api.access import IfMatch, Manager, Reader
from services.issuer.api.wire import unique
from services.issuer.domain.row import Row
from services.issuer.handlers import institution_settings as handlers
from services.issuer.store.institution_settings import EXPIRING_DAYS
from shared.web.databases import AppDatabase
from shared.web.etag import etag
from shared.web.fields import Body
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/institutions/{institution_id}/settings", tags=["institutions"], route_class=StrictRoute)

Days = Annotated[int, Field(ge=1, le=365)]


class InstitutionSettings(Body):
    """What an institution decides for itself. What is left out goes back to what it is at the beginning."""

    expiring_days: Annotated[list[Days], AfterValidator(unique)] = Field(
        list(EXPIRING_DAYS),
        max_length=10,
        description="So many days before the end of a badge its learner and the institution are told that it runs out, "
        "if nothing has come in its place. Empty: they never are.",
        json_schema_extra={"uniqueItems": True},
    )
    second_key_confirms: bool = Field(
        False, description="An issuance job is confirmed by another API key than the one that it was made with."
    )


@router.get("")
async def get_settings(
    institution_id: UUID, who: Reader, database: AppDatabase, response: Response
) -> InstitutionSettings:
    """The institution's settings, and the ETag for changing them."""
    async with database.transaction(who.tenant_id) as tx:
        return _view(await handlers.of(tx, institution_id), response)


@router.put("")
async def put_settings(
    institution_id: UUID,
    body: InstitutionSettings,
    who: Manager,
    database: AppDatabase,
    response: Response,
    if_match: IfMatch = None,
) -> InstitutionSettings:
    """Write the institution's settings anew."""
    async with database.transaction(who.tenant_id) as tx:
        row = await handlers.put(
            tx,
            who,
            institution_id,
            body.expiring_days,
            second_key_confirms=body.second_key_confirms,
            if_match=if_match,
        )
    return _view(row, response)


def _view(row: Row, response: Response) -> InstitutionSettings:
    response.headers["ETag"] = etag(row["version"])
    return InstitutionSettings(**{name: row[name] for name in InstitutionSettings.model_fields})
