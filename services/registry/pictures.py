"""A badge as a picture: what it was issued for, with the signed badge baked in, for who may have the document.

What is baked in is the document with its embedded proof, or the compact token for who asks for that, never both
(Open Badges 3.0, section "Baked Badge").
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Response

from services.registry import reading
from services.registry.api import Caller, visible_to
from services.registry.domain.foreign import text_of
from services.registry.pages import Owner, file_headers
from services.registry.public import answers
from shared.credentials.baking_png import bake_png, is_png
from shared.credentials.baking_svg import bake_svg, svg_around
from shared.credentials.errors import CredentialError
from shared.errors import NotFound
from shared.web.databases import AppDatabase, WorkerDatabase
from shared.web.problems import RESPONSES

# A picture is never a page of ours: nothing in it runs from this address, even when it is opened by itself.
HARMLESS = {"Content-Security-Policy": "default-src 'none'; sandbox"}

router = APIRouter(tags=["public documents"], responses=RESPONSES)


@dataclass(frozen=True)
class _Form:
    """One form of picture; `bake` takes the achievement's picture, the signed document and the badge's name."""

    suffix: str
    media_type: str
    bake: Callable[[bytes, str, str], bytes]


_PNG = _Form("png", "image/png", lambda picture, document, _: bake_png(picture, document))
_SVG = _Form("svg", "image/svg+xml", lambda picture, document, name: bake_svg(_as_svg(picture, name), document))
_BINARY = {"type": "string", "format": "binary"}
Proved = Annotated[
    Literal["json", "jwt"],
    Query(alias="format", description="What is put into it: the signed document, or the token, where there is one."),
]


def _as_svg(picture: bytes, name: str) -> bytes:
    return svg_around(picture, name) if is_png(picture) else picture


@dataclass(frozen=True)
class _Asked:
    """Which badge is asked for, by whom, and in which of its two forms."""

    credential_id: UUID
    caller: Caller
    app: AppDatabase
    worker: WorkerDatabase
    owner: Owner = None
    proved: Proved = "json"


Asked = Annotated[_Asked, Depends()]


@router.get("/credentials/{credential_id}.png", response_class=Response, responses=answers(_PNG.media_type, _BINARY))
async def png(asked: Asked) -> Response:
    """The achievement's picture, if it is a PNG, with the signed document in it, for those who may have it as `.json`.

    `format=jwt` puts the badge's token into it instead (404 `no_token` where none was asked for).
    """
    return await _baked(_PNG, asked)


@router.get("/credentials/{credential_id}.svg", response_class=Response, responses=answers(_SVG.media_type, _BINARY))
async def svg(asked: Asked) -> Response:
    """The same, as an SVG; of a picture in PNG, as one that shows it."""
    return await _baked(_SVG, asked)


async def _baked(form: _Form, asked: _Asked) -> Response:
    """Bake a badge for whoever asks, in a thread: a few milliseconds, since a picture has 256 KiB at most.

    Raises NotFound: as for the document, or `no_token` and `picture_not_found`, which are for those alone who may have
    the document.
    """
    credential_id, owner = asked.credential_id, asked.owner
    async with visible_to(asked.caller, asked.app, asked.worker) as tx:
        found = await reading.document(tx, credential_id, owner)
        baked = await reading.token(tx, credential_id, owner) if asked.proved == "jwt" else found
        picture = await reading.picture(tx, credential_id)
    name = text_of(orjson.loads(found.text), "name") or "Badge"
    try:
        content = await asyncio.to_thread(form.bake, picture, baked.text, name)
    except CredentialError as error:
        raise NotFound("picture_not_found", "It has no picture that it could be put into.") from error
    headers = {**file_headers(found, credential_id, form.suffix), **HARMLESS}
    return Response(content, media_type=form.media_type, headers=headers)
