"""The addresses that stand inside badges beside the badges' own: status lists, achievements with images, institutions.

They lie outside /v1 and need no key. Readers in other people's browsers are welcome.
"""

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.registry import reading
from services.registry.domain.rules import RETRIEVAL_ERROR
from services.registry.negotiation import DOCUMENT, DOCUMENTS, TOKENS, VARY, preferred
from services.registry.settings import RegistrySettings
from shared.credentials.baking_png import is_png
from shared.credentials.instants import read_instant
from shared.errors import Malformed, NotAcceptable
from shared.web.databases import AppDatabase
from shared.web.etag import etag, is_known
from shared.web.problems import RESPONSES

router = APIRouter(tags=["public documents"], responses=RESPONSES)
redirects = APIRouter(include_in_schema=False)

IfNoneMatch = Annotated[str | None, Header()]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]

OPEN = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
VC_JWT = TOKENS["vc+jwt"]
LIST_FORMS = (*DOCUMENTS, VC_JWT)
# The institution's name may still change in it.
AN_HOUR = {"Cache-Control": "public, max-age=3600"}
PICTURES = ("image/png", "image/svg+xml")
# A picture comes from strangers: it is never a page of ours, even when opened by itself.
PICTURE = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


def answers(media_type: str, schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Return how a route that answers in one media type describes itself."""
    return {200: {"content": {media_type: {"schema": schema}}}}


_OBJECT = {"type": "object"}
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "What If-None-Match names is still right."}}


@router.get(
    "/status-lists/{list_id}",
    response_class=Response,
    responses={
        200: {"content": {DOCUMENT: {"schema": _OBJECT}, VC_JWT: {"schema": {"type": "string"}}}},
        **_NOT_MODIFIED,
    },
)
async def status_list(
    list_id: UUID,
    database: AppDatabase,
    timestamp: Annotated[str | None, Query(examples=["2026-11-22T10:21:00Z"])] = None,
    if_none_match: IfNoneMatch = None,
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    """The signed Bitstring Status List; with `timestamp` (XML Schema dateTimeStamp) as it was then, to the minute.

    As JSON with a proof, or as a token for who asks for `application/vc+jwt`; 406 where there is none of it.
    """
    as_of = read_instant(timestamp)
    if timestamp is not None and as_of is None:
        raise Malformed(
            "timestamp_malformed", "A timestamp is written like 2026-11-22T10:21:00Z.", type=RETRIEVAL_ERROR
        )
    async with database.transaction() as tx:
        found = await reading.status_list(tx, list_id, as_of)
    form = preferred(accept, LIST_FORMS) or DOCUMENT
    body = found["token" if form == VC_JWT else "credential"]
    if body is None:
        raise NotAcceptable("no_token", "This list was signed before lists were tokens as well. It can be had as JSON.")
    tag = etag(f"{found['version']}.jwt" if form == VC_JWT else found["version"])
    cached = {"ETag": tag, "Cache-Control": f"public, max-age={found['ttl_ms'] // 1000}"}
    headers = {**OPEN, **VARY, **cached}
    if is_known(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=form if form == VC_JWT else DOCUMENT, headers=headers)


@router.get(
    "/achievements/{achievement_id}/{number}",
    response_class=Response,
    responses=answers("application/ld+json", _OBJECT),
)
async def achievement(achievement_id: UUID, number: Number, database: AppDatabase, request: Request) -> Response:
    """A published version of an achievement, as Open Badges 3.0 has it."""
    settings: RegistrySettings = request.app.state.settings
    async with database.transaction() as tx:
        found = await reading.achievement(tx, achievement_id, number, demo=settings.demo)
    return Response(orjson.dumps(found), media_type="application/ld+json", headers={**OPEN, **AN_HOUR})


@router.get(
    "/achievements/{achievement_id}/{number}/image",
    response_class=Response,
    responses={200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in PICTURES}}},
)
async def image(achievement_id: UUID, number: Number, database: AppDatabase) -> Response:
    """Its image."""
    async with database.transaction() as tx:
        picture = await reading.image(tx, achievement_id, number)
    media_type, suffix = ("image/png", "png") if is_png(picture) else ("image/svg+xml", "svg")
    named = {"Content-Disposition": f'attachment; filename="badge.{suffix}"'}
    return Response(picture, media_type=media_type, headers={**OPEN, **PICTURE, **named})


@redirects.get("/institutions/{rest:path}")
async def institution(rest: str, request: Request) -> RedirectResponse:
    """Where there is no proxy, badges' institution addresses lead here; the issuer serves them."""
    settings: RegistrySettings = request.app.state.settings
    return RedirectResponse(f"{settings.issuer_url}/institutions/{quote(rest)}", 307, headers=OPEN)
