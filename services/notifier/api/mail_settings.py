"""Routes of how a tenant's mails are written: the language."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.notifier.store import writing_settings
from services.notifier.words import languages, spoken
from shared.errors import Invalid
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase
from shared.web.fields import Body
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/mail-settings", tags=["mails"], route_class=StrictRoute)

Manager = Annotated[Principal, Depends(require("institution", "employer", scope="manage"))]
Reader = Annotated[Principal, Depends(require("institution", "employer", scope="read"))]


class NewSettings(Body):
    """How your mails are to be written."""

    language: str = Field(max_length=35, examples=["de"], description="One of `languages`.")


class MailSettings(BaseModel):
    """How your mails are written: to learners and to your endpoints."""

    language: str = Field(examples=["en"])
    languages: list[str] = Field(examples=[["de", "en"]], description="Those that there are.")


@router.get("")
async def get_settings(database: AppDatabase, principal: Reader) -> MailSettings:
    """The language of your mails."""
    async with database.transaction(principal.tenant_id) as tx:
        return _settings(await writing_settings.language(tx))


@router.put("")
async def put_settings(database: AppDatabase, principal: Manager, body: NewSettings) -> MailSettings:
    """Choose the language of your mails, from the next one on."""
    if body.language not in languages():
        raise Invalid("language_not_known", f"Mails are written in one of: {', '.join(languages())}.")
    async with database.transaction(principal.tenant_id) as tx:
        await writing_settings.set_language(tx, principal.tenant_id, body.language)
    return _settings(body.language)


def _settings(language: str | None) -> MailSettings:
    return MailSettings(language=spoken(language), languages=list(languages()))
