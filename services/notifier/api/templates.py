"""Routes of an institution's own templates for the mails to its learners."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.notifier import previews
from services.notifier.own_words import MAX_HTML, MAX_SUBJECT, MAX_TEXT, VARIABLES, problems
from services.notifier.store import writing_settings
from services.notifier.store.parcels import Template
from services.notifier.words import languages
from shared.errors import Invalid, NotFound
from shared.web.auth import Principal, require
from shared.web.databases import AppDatabase
from shared.web.fields import Body
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/templates", tags=["mails"], route_class=StrictRoute)

Manager = Annotated[Principal, Depends(require("institution", scope="manage"))]
Reader = Annotated[Principal, Depends(require("institution", scope="read"))]
MailType = Literal[
    "credential.issued",
    "credential.suspended",
    "credential.reinstated",
    "credential.revoked",
    "credential.replaced",
    "credential.renewed",
    "credential.expiring",
]


class NewTemplate(Body):
    """Your words for a mail, in Jinja: variables, `if`, and `for each in facts`; `html` is escaped by itself.

    Who sends it and why, the learner's link, how to check the badge and how to unsubscribe are added to it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"subject": "Well done: {{ badge }}", "text": "Dear {{ learner }},\n\nyour badge is here: {{ link }}"}
            ]
        }
    )

    subject: str = Field(min_length=1, max_length=MAX_SUBJECT)
    text: str = Field(min_length=1, max_length=MAX_TEXT)
    html: str | None = Field(None, max_length=MAX_HTML, description="Absent: it is made of the text.")


class StoredTemplate(BaseModel):
    """A template; `updated_by` is an API key's id."""

    type: MailType
    language: str
    subject: str
    text: str
    html: str | None
    updated_at: datetime
    updated_by: str


class Templates(BaseModel):
    """Your templates, and the variables that there are."""

    items: list[StoredTemplate]
    variables: dict[str, str] = Field(examples=[dict(VARIABLES)])


class Draft(Body):
    """What is to be shown: a template that is not stored yet, or the one that is; with a badge of yours or a sample."""

    template: NewTemplate | None = None
    credential_id: UUID | None = None


class TemplateFault(BaseModel):
    """What is wrong with a template."""

    part: Literal["subject", "text", "html"]
    line: int
    message: str


class Preview(BaseModel):
    """A mail as it would be sent; null where there are problems."""

    subject: str | None = None
    text: str | None = None
    html: str | None = None
    problems: list[TemplateFault] = []


@router.get("")
async def list_templates(database: AppDatabase, principal: Reader) -> Templates:
    """Your templates. What has none is written in our words."""
    async with database.transaction(principal.tenant_id) as tx:
        rows = await writing_settings.templates(tx)
    return Templates(items=[StoredTemplate(**row) for row in rows], variables=dict(VARIABLES))


@router.get("/{type}/{language}")
async def get_template(database: AppDatabase, principal: Reader, type: MailType, language: str) -> StoredTemplate:  # noqa: A002  # the route's word
    """One of your templates."""
    async with database.transaction(principal.tenant_id) as tx:
        return StoredTemplate(**_found(await writing_settings.template(tx, type, language)))


@router.put("/{type}/{language}")
async def put_template(
    database: AppDatabase,
    principal: Manager,
    type: MailType,  # noqa: A002  # the route's word
    language: str,
    body: NewTemplate,
) -> StoredTemplate:
    """Have a type of mails written in your words, from the next one on; what can't be used is refused by its lines."""
    _known(language)
    words = Template(body.subject, body.text, body.html)
    if found := await asyncio.to_thread(problems, words):
        told = [each._asdict() for each in found]
        raise Invalid("template_refused", "It can't be used: see `problems`.", problems=told)
    async with database.transaction(principal.tenant_id) as tx:
        return StoredTemplate(**await writing_settings.put_template(tx, principal, type, language, words))


@router.delete("/{type}/{language}", status_code=204)
async def remove_template(
    database: AppDatabase,
    principal: Manager,
    type: MailType,  # noqa: A002  # the route's word
    language: str,
) -> Response:
    """Have a type of mails written in our words again."""
    async with database.transaction(principal.tenant_id) as tx:
        _found(await writing_settings.remove_template(tx, type, language))
    return Response(status_code=204)


@router.post("/{type}/{language}/preview")
async def preview(
    request: Request,
    database: AppDatabase,
    principal: Reader,
    type: MailType,  # noqa: A002  # the route's word
    language: str,
    body: Draft,
) -> Preview:
    """Show a mail as it would be sent, to nobody; the private link in it is none that works."""
    _known(language)
    async with database.transaction(principal.tenant_id) as tx:
        letter = await previews.letter(tx, principal.tenant_id, body.credential_id, language)
        stored = await writing_settings.template(tx, type, language)
    words = _template(body.template or stored)
    made = await asyncio.to_thread(previews.write, type, letter, words, request.app.state.places)
    told = [TemplateFault(**each._asdict()) for each in made.problems]
    return Preview(problems=told, **(made.written._asdict() if made.written else {}))


def _template(source: Any) -> Template | None:
    if source is None:
        return None
    if isinstance(source, NewTemplate):
        return Template(source.subject, source.text, source.html)
    return Template(source["subject"], source["text"], source["html"])


def _known(language: str) -> None:
    if language not in languages():
        raise NotFound("language_not_known", f"Mails are written in one of: {', '.join(languages())}.")


def _found(row: Any) -> Any:
    if not row:
        raise NotFound("template_not_found", "There is no template of yours for this type in this language.")
    return row
