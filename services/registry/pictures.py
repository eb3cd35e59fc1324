"""A badge as a picture: what it was issued for, with the signed document baked in, for who may have the document."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import orjson
from fastapi import APIRouter, Response

from services.registry import reading
from services.registry.api import Caller, visible_to
from services.registry.domain.foreign import text_of
from services.registry.pages import Owner, file_headers
from services.registry.public import answers
from shared.credentials.baking_png import bake_png
from shared.credentials.baking_svg import bake_svg, svg_around
from shared.credentials.errors import CredentialError
from shared.db import Database
from shared.errors import NotFound
from shared.web.auth import Principal
from shared.web.databases import AppDatabase, WorkerDatabase
from shared.web.problems import RESPONSES

# A picture is never a page of ours: nothing in it runs from this address, even when it is opened by itself.
HARMLESS = {"Content-Security-Policy": "default-src 'none'; sandbox"}

router = APIRouter(tags=["public documents"], responses=RESPONSES)


@dataclass(frozen=True)
class _Form:
    """One form of picture; `bake` takes the achievement's PNG, the signed document and the badge's name."""

    suffix: str
    media_type: str
    bake: Callable[[bytes, str, str], bytes]


_PNG = _Form("png", "image/png", lambda picture, document, _: bake_png(picture, document))
_SVG = _Form("svg", "image/svg+xml", lambda picture, document, name: bake_svg(svg_around(picture, name), document))
_BINARY = {"type": "string", "format": "binary"}


@router.get("/credentials/{credential_id}.png", response_class=Response, responses=answers(_PNG.media_type, _BINARY))
async def png(
    credential_id: UUID, caller: Caller, app: AppDatabase, worker: WorkerDatabase, owner: Owner = None
) -> Response:
    """The achievement's picture with the signed document in it, for those who may have the document as `.json`."""
    return await _baked(_PNG, credential_id, caller, (app, worker), owner)


@router.get("/credentials/{credential_id}.svg", response_class=Response, responses=answers(_SVG.media_type, _BINARY))
async def svg(
    credential_id: UUID, caller: Caller, app: AppDatabase, worker: WorkerDatabase, owner: Owner = None
) -> Response:
    """The same, as an SVG that shows the picture."""
    return await _baked(_SVG, credential_id, caller, (app, worker), owner)


async def _baked(
    form: _Form, credential_id: UUID, caller: Principal | None, databases: tuple[Database, Database], owner: str | None
) -> Response:
    """Bake a badge for whoever asks, in a thread: a few milliseconds, since a picture has 256 KiB at most.

    Raises NotFound: as for the document, or `picture_not_found`, which is for those alone who may have the document.
    """
    async with visible_to(caller, *databases) as tx:
        found = await reading.document(tx, credential_id, owner)
        picture = await reading.picture(tx, credential_id)
    name = text_of(orjson.loads(found.text), "name") or "Badge"
    try:
        content = await asyncio.to_thread(form.bake, picture, found.text, name)
    except CredentialError as error:
        raise NotFound("picture_not_found", "It has no picture that it could be put into.") from error
    headers = {**file_headers(found, credential_id, form.suffix), **HARMLESS}
    return Response(content, media_type=form.media_type, headers=headers)
