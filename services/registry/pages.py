"""A badge's own address: its page for people, its record and signed document for programs, and who may see it whole."""

import asyncio
from collections.abc import Mapping
from io import BytesIO
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode
from uuid import UUID

import orjson
import segno
from fastapi import APIRouter, Depends, Form, Header, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.registry import handlers, negotiation, reading
from services.registry.api import Caller, PublicRecord, public_record, visible_to
from services.registry.domain import elements, parts
from services.registry.domain.badge import Badge, verdict
from services.registry.domain.foreign import text_of, web_link
from services.registry.negotiation import VARY
from services.registry.public import OPEN, answers
from services.registry.settings import RegistrySettings
from shared.credentials import jwt
from shared.errors import LaurelError, NotAcceptable, NotFound
from shared.web.databases import AppDatabase, WorkerDatabase
from shared.web.pages import Pages
from shared.web.problems import RESPONSES, answer

router = APIRouter(tags=["public documents"], responses=RESPONSES)
pages = Pages("services.registry")

# A picture is never a page: nothing in it runs, even when it is opened by itself.
QR = {
    "Cache-Control": "public, max-age=86400",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": 'inline; filename="badge-address.svg"',
}
MAX_DESCRIPTION = 200
_HTML: dict[str, Any] = {negotiation.PAGE: {"schema": {"type": "string"}}}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {
        "description": "A page, or a problem (RFC 9457)",
        "content": {**_HTML, "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def _settings(request: Request) -> RegistrySettings:
    settings: RegistrySettings = request.app.state.settings
    return settings


def _credential_id(credential_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID | None:
    """Read an id; what is none is as unknown as an id that nobody has."""
    try:
        return UUID(credential_id)
    except ValueError:
        return None


CredentialId = Annotated[UUID | None, Depends(_credential_id)]
Settings = Annotated[RegistrySettings, Depends(_settings)]
Owner = Annotated[str | None, Query(description="The token of the owner's private link.")]


@router.get(
    "/credentials/{credential_id}.json",
    response_class=Response,
    responses=answers("application/vc", {"type": "object"}),
)
async def document(
    credential_id: UUID, caller: Caller, app: AppDatabase, worker: WorkerDatabase, owner: Owner = None
) -> Response:
    """The signed document, for who holds the owner's link (`owner` is its token) or the institution's key.

    For everybody where the learner shows it.
    """
    async with visible_to(caller, app, worker) as tx:
        found = await reading.document(tx, credential_id, owner)
    return _signed(found, credential_id, negotiation.DOCUMENT)


@router.get(
    "/credentials/{credential_id}.jwt",
    response_class=Response,
    responses={200: {"content": {media: {"schema": {"type": "string"}} for media in negotiation.TOKENS.values()}}},
)
async def token(
    credential_id: UUID, caller: Caller, app: AppDatabase, worker: WorkerDatabase, owner: Owner = None
) -> Response:
    """The badge as a compact token, where one was asked for, for whoever may have it as `.json`.

    `application/vc+jwt` or, in the profile of Open Badges, `application/jwt`.
    """
    async with visible_to(caller, app, worker) as tx:
        found = await reading.token(tx, credential_id, owner)
    return _token(found, credential_id, {})


def _token(found: reading.Document, credential_id: UUID, vary: Mapping[str, str], form: str | None = None) -> Response:
    """Return a badge as a token; raises NotAcceptable where its profile's media type is not the one asked for."""
    signed = jwt.read(found.text)
    media_type = negotiation.TOKENS[signed.profile]
    if form not in (None, media_type):
        raise NotAcceptable("no_token", f"The token of this badge is {media_type}.")
    name = parts.file_name(text_of(signed.document, "name") or "", credential_id, "jwt")
    headers = {
        **vary,
        "Cache-Control": "no-cache" if found.public else "private, no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'attachment; filename="{name}"',
        **(OPEN if found.public else {}),
    }
    return Response(found.text, media_type=media_type, headers=headers)


@router.get("/credentials/{credential_id}/qr.svg", response_class=Response, responses=answers("image/svg+xml", {}))
async def qr(credential_id: UUID, database: AppDatabase, settings: Settings) -> Response:
    """The badge's public address as a QR code."""
    async with database.transaction() as tx:
        await reading.public_form(tx, credential_id)
    drawn = await asyncio.to_thread(_qr, f"{settings.public_url}/credentials/{credential_id}")
    return Response(drawn, media_type="image/svg+xml", headers=QR)


@router.post(
    "/credentials/{credential_id}/visibility",
    status_code=303,
    response_class=RedirectResponse,
    responses={303: {"description": "To the owner's private view."}, **_NOT_FOUND},
)
async def visibility(
    credential_id: CredentialId,
    database: AppDatabase,
    shown: Annotated[Literal["yes", "no"], Form()],
    settings: Settings,
    owner: Annotated[str, Form()] = "",
) -> Response:
    """Show the learner's name and the signed badge to everybody who has its address, or hide them again."""
    try:
        async with database.transaction() as tx:
            await handlers.show_badge(tx, credential_id or reading.NO_ID, owner, whole=shown == "yes")
    except NotFound as error:
        return _unknown(error, negotiation.PAGE, settings)
    return RedirectResponse(f"/credentials/{credential_id}?owner={quote(owner)}", 303)


@router.get(
    "/credentials/{credential_id}",
    response_model=None,
    responses={
        200: {
            "model": PublicRecord,
            "content": {
                **_HTML,
                **{media_type: {"schema": {"type": "object"}} for media_type in negotiation.DOCUMENTS},
                **{media_type: {"schema": {"type": "string"}} for media_type in negotiation.TOKENS.values()},
            },
        },
        **_NOT_FOUND,
    },
)
async def credential(
    credential_id: CredentialId,
    caller: Caller,
    app: AppDatabase,
    worker: WorkerDatabase,
    settings: Settings,
    owner: Owner = None,
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    """A badge: its page in a browser, its public record as `application/json`, the signed document as `application/vc`.

    `application/vc+jwt` and `application/jwt` give the token, where there is one of this kind (406: there is not).
    Document and token are for those who may have them as `.json`; with `owner`, the page is the owner's private view.
    """
    form = negotiation.chosen(accept)
    wanted = credential_id or reading.NO_ID
    try:
        if form == negotiation.PAGE:
            async with app.transaction() as tx:
                badge = await reading.badge(tx, wanted, owner, settings.public_url, demo=settings.demo)
            # In a thread: a badge may hold many texts of strangers.
            return await asyncio.to_thread(badge_page, badge, settings, owner)
        if form == negotiation.RECORD:
            async with app.transaction() as tx:
                record = public_record(await reading.public_form(tx, wanted))
            headers = {**OPEN, **VARY, "Cache-Control": "no-cache"}
            return Response(record.model_dump_json(), media_type=form, headers=headers)
        read = reading.token if form in negotiation.TOKENS.values() else reading.document
        async with visible_to(caller, app, worker) as tx:
            found = await read(tx, wanted, owner)
        return _token(found, wanted, VARY, form) if read is reading.token else _signed(found, wanted, form)
    except (NotFound, NotAcceptable) as error:
        # Of a badge that may be had there is another form than the one asked for.
        told = NotAcceptable(error.code, error.detail) if error.code == "no_token" else error
        return _unknown(told, form, settings)


def badge_page(badge: Badge, settings: RegistrySettings, owner_token: str | None) -> Response:
    """Render a badge's page; with the owner's token, which was found right, the owner's private view."""
    if not badge.is_badge:
        return credential_page(badge, settings)
    description = text_of(badge.achievement, "description")
    criteria = (badge.achievement or {}).get("criteria")
    return pages.page(
        "badge.html",
        headers={**VARY, "Cache-Control": "private, no-store" if badge.owned else "no-cache"},
        badge=badge,
        verdict=verdict(badge, settings.max_status_age),
        description=description,
        summary=" ".join((description or "").split())[:MAX_DESCRIPTION],
        narrative=text_of(criteria, "narrative"),
        criteria_url=text_of(criteria, "id"),
        criteria_link=web_link(text_of(criteria, "id")),
        stated=elements.stated(badge),
        results=parts.results(badge),
        evidence=parts.evidence(badge),
        alignment=parts.alignment(badge.achievement),
        tags=parts.tags(badge.achievement),
        history=parts.history(badge),
        linkedin=parts.linkedin(badge),
        owner_token=owner_token,
        public_url=settings.public_url,
        verifier_url=settings.verifier_url,
        verify_link=_verify_link(badge, settings),
        notifier_url=settings.notifier_url,
    )


def credential_page(badge: Badge, settings: RegistrySettings) -> Response:
    """Render the page of a credential that is no badge: what is recorded of it, and nothing of what is in it."""
    return pages.page(
        "credential.html",
        headers={**VARY, "Cache-Control": "private, no-store" if badge.owned else "no-cache"},
        badge=badge,
        verdict=verdict(badge, settings.max_status_age),
        history=parts.history(badge),
        public_url=settings.public_url,
        verifier_url=settings.verifier_url,
    )


def _verify_link(badge: Badge, settings: RegistrySettings) -> str | None:
    """Return where the badge is checked; its address is filled in where the verifier, like everybody, may read it."""
    if settings.verifier_url is None:
        return None
    return f"{settings.verifier_url}/" + (f"?{urlencode({'link': badge.address})}" if badge.shown else "")


def _signed(found: reading.Document, credential_id: UUID, media_type: str) -> Response:
    return Response(found.text, media_type=media_type, headers=file_headers(found, credential_id, "json"))


def file_headers(found: reading.Document, credential_id: UUID, suffix: str) -> dict[str, str]:
    """Return the headers of a badge's file, whatever form it has: a name of its own, and who may keep it."""
    title = text_of(orjson.loads(found.text), "name") or ""
    return {
        **VARY,
        "Cache-Control": "no-cache" if found.public else "private, no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'attachment; filename="{parts.file_name(title, credential_id, suffix)}"',
        **(OPEN if found.public else {}),
    }


def _unknown(error: LaurelError, form: str, settings: RegistrySettings) -> Response:
    if form == negotiation.PAGE:
        return pages.page("unknown.html", 404, VARY, notifier_url=settings.notifier_url)
    told = answer(error)
    told.headers.update(VARY)
    return told


def _qr(address: str) -> bytes:
    drawn = BytesIO()
    segno.make_qr(address, error="m").save(
        drawn, kind="svg", scale=6, border=4, light="#fff", svgclass=None, lineclass=None
    )
    return drawn.getvalue()
