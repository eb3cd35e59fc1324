"""The transparency log as static files (C2SP tlog-tiles): checkpoint, tiles, entry bundles and the key.

At /log stands the log that is written to, at /log/1, /log/2 ... each one by its number: those that were given up stay.
Nothing here needs a key, and nothing but the checkpoint ever changes.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from services.registry.public import OPEN, answers
from services.registry.store import log as store
from shared.db import Tx
from shared.errors import NotFound
from shared.transparency.errors import TransparencyError
from shared.transparency.tiles import FULL, HEIGHT, Bundle, Tile, parse_path, write_bundle
from shared.web.databases import AppDatabase
from shared.web.problems import RESPONSES

router = APIRouter(tags=["transparency log"], responses=RESPONSES)

_TEXT = "text/plain; charset=utf-8"
_BINARY = "application/octet-stream"
# A partial tile is told as it was for ever, though a wider one may take its place.
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_NOW = {"Cache-Control": "no-cache"}
_ANSWERS_TEXT = answers("text/plain", {"type": "string"})
_ANSWERS_BINARY = answers(_BINARY, {"type": "string", "format": "binary"})

Number = Annotated[int, Path(ge=1, le=32_767, description="Which log, from 1 on.")]


def _rest(request: Request) -> str:
    """Return what stands behind /log/ as it was sent: a second spelling of a path is another path."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    return raw.partition(b"?")[0].decode("latin-1").partition("tile/")[2]


Rest = Annotated[str, Depends(_rest)]


@router.get("/log/checkpoint", response_class=Response, responses=_ANSWERS_TEXT)
async def checkpoint(database: AppDatabase) -> Response:
    """The newest checkpoint: a signed note that says how large the log is and what its root is."""
    async with database.transaction() as tx:
        return await _checkpoint(tx, None)


@router.get("/log/{number}/checkpoint", response_class=Response, responses=_ANSWERS_TEXT)
async def checkpoint_of(number: Number, database: AppDatabase) -> Response:
    """The newest checkpoint of one log."""
    async with database.transaction() as tx:
        return await _checkpoint(tx, number)


@router.get("/log/vkey", response_class=Response, responses=_ANSWERS_TEXT)
async def vkey(database: AppDatabase) -> Response:
    """The log's verifier key, as a signed note's readers take it: `name+id+key`."""
    async with database.transaction() as tx:
        return _vkey(await store.current_tree(tx))


@router.get("/log/{number}/vkey", response_class=Response, responses=_ANSWERS_TEXT)
async def vkey_of(number: Number, database: AppDatabase) -> Response:
    """The verifier key of one log."""
    async with database.transaction() as tx:
        return _vkey(await store.tree(tx, number))


@router.get("/log/tile/{path:path}", response_class=Response, responses=_ANSWERS_BINARY)
async def tile(path: str, rest: Rest, database: AppDatabase) -> Response:
    """A tile of hashes (`<level>/<index>[.p/<width>]`) or a bundle of entries (`entries/<index>[.p/<width>]`)."""
    async with database.transaction() as tx:
        current = await store.current_tree(tx)
        return await _tile(tx, current["number"] if current else 0, rest)


@router.get("/log/{number}/tile/{path:path}", response_class=Response, responses=_ANSWERS_BINARY)
async def tile_of(number: Number, path: str, rest: Rest, database: AppDatabase) -> Response:
    """A tile or bundle of one log."""
    async with database.transaction() as tx:
        return await _tile(tx, number, rest)


async def _checkpoint(tx: Tx, number: int | None) -> Response:
    found = await store.published(tx, number)
    if found is None:
        raise NotFound("checkpoint_not_found", "No checkpoint of such a log has been published yet.")
    return Response(found["note"], media_type=_TEXT, headers={**OPEN, **_NOW})


def _vkey(tree: store.Row | None) -> Response:
    if tree is None:
        raise NotFound("log_not_found", "There is no such log yet.")
    return Response(tree["vkey"] + "\n", media_type=_TEXT, headers={**OPEN, **_NOW})


async def _tile(tx: Tx, number: int, path: str) -> Response:
    found = await _content(tx, number, path)
    if found is None:
        raise NotFound("tile_not_found", "The log has no such tile: it is not canonical, or not there yet.")
    return Response(found, media_type=_BINARY, headers={**OPEN, **_FOR_EVER})


async def _content(tx: Tx, number: int, path: str) -> bytes | None:
    try:
        wanted = parse_path(f"tile/{path}")
    except TransparencyError:
        return None
    published = await store.published(tx, number)
    # What no checkpoint covers yet may still be lost with the database, and is told to nobody.
    if published is None or _leaves_up_to(wanted) > published["size"]:
        return None
    if isinstance(wanted, Tile):
        return (await store.tiles(tx, number, [wanted])).get(wanted)
    return await _bundle(tx, number, wanted)


def _leaves_up_to(wanted: Tile | Bundle) -> int:
    """Return how many leaves a tree has that has all of a tile or bundle."""
    level = wanted.level if isinstance(wanted, Tile) else 0
    return (wanted.index * FULL + wanted.width) << HEIGHT * level


async def _bundle(tx: Tx, number: int, wanted: Bundle) -> bytes | None:
    entries = await store.entries(tx, number, wanted.index * FULL, wanted.width)
    return write_bundle(entries) if len(entries) == wanted.width else None
