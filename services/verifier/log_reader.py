"""Reads the transparency log's static files over HTTP like any outsider, and holds each checkpoint to the last ones."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from services.verifier.store import receipts as store
from shared.db import Database
from shared.errors import Unavailable
from shared.messaging.metrics import alarm
from shared.transparency import merkle
from shared.transparency.base64_lines import read_number
from shared.transparency.checkpoints import Checkpoint, open_checkpoint
from shared.transparency.errors import TransparencyError
from shared.transparency.merkle import Node
from shared.transparency.note_keys import NoteVerifier
from shared.transparency.notes import MAX_NOTE
from shared.transparency.tiles import FULL, MAX_ENTRY, Bundle, Tile, hashes_in, read_bundle, tiles_for

SECONDS = 5.0
# How old a checkpoint may be for who does not need the newest; a failure is told as long.
RECENT_SECONDS = 3.0
# 8 KiB each at most.
TILES_KEPT = 512
MAX_VKEY = 1_000
TRIES = 5


class Contradiction(Exception):
    """The log is not what was seen of it before, or not what others are told; the message says in which way."""


@dataclass(frozen=True)
class Head:
    """A checkpoint that was checked, as the signed note in which it came."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True)
class Included:
    """A leaf's hash, and the proof that leads from it to a checkpoint's root."""

    leaf: bytes
    hashes: list[bytes]


class LogReader:
    """One log's reader. What never changes, it keeps; what it saw last, it keeps in the database."""

    def __init__(self, database: Database, url: str, vkey: str | None) -> None:
        """`vkey` is the log's key; without one, the key that is met first is believed from then on."""
        self._database = database
        self._url = url.rstrip("/")
        self._pinned = NoteVerifier.parse(vkey) if vkey else None
        self._tiles: OrderedDict[tuple[str, Tile], bytes] = OrderedDict()  # by origin: one log may follow another
        self._reading = asyncio.Lock()
        self._recent: Head | Unavailable | None = None
        self._read_at = 0.0

    async def head(self) -> Head:
        """Return the newest checkpoint: signed by the log, and a continuation of what was seen before.

        Raises Unavailable: `log_unreachable`, and `log_contradicts_itself`, at which the operator is called.
        """
        async with self._trouble():
            return await self._head()

    async def recent_head(self) -> Head:
        """Return a checkpoint of a moment ago: one is read for all who ask in that time; raises as `head` does."""
        async with self._reading:
            if self._recent is None or time.monotonic() - self._read_at > RECENT_SECONDS:
                try:
                    self._recent = await self.head()
                except Unavailable as error:
                    self._recent = error
                self._read_at = time.monotonic()
            recent = self._recent
        if isinstance(recent, Unavailable):
            raise recent.with_traceback(None)
        return recent

    async def included(self, head: Head, index: int) -> Included:
        """Return what shows that a leaf is in the tree of a checkpoint; raises as `head` does."""
        async with self._trouble():
            size, root = head.checkpoint.size, head.checkpoint.root
            leaf = Node(0, index)
            tiles = await self._fetch_tiles([leaf, *merkle.nodes_for_inclusion(index, size)], head.checkpoint)
            hash_of = hashes_in(tiles)
            proof = merkle.inclusion_proof(index, size, hash_of)
            merkle.check_inclusion(index=index, size=size, leaf=hash_of(leaf), proof=proof, root=root)
            self._keep(tiles, head.checkpoint.origin)
            return Included(hash_of(leaf), proof)

    @asynccontextmanager
    async def _trouble(self) -> AsyncIterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            raise Unavailable("log_unreachable", "The transparency log does not answer.", retry_after=5) from error
        except (Contradiction, TransparencyError) as error:
            raise contradicts(str(error)) from error

    async def _head(self) -> Head:
        """Read until nobody else has noted another checkpoint meanwhile: each is held to the one before it."""
        for _ in range(TRIES):
            if head := await self._noted_head():
                return head
        raise Unavailable(
            "log_unreachable", "The transparency log grows faster than it can be followed.", retry_after=5
        )

    async def _noted_head(self) -> Head | None:
        async with self._database.transaction() as tx:
            seen = await store.last_seen(tx, self._pinned.name if self._pinned else None)
        verifier = self._pinned or NoteVerifier.parse(seen["vkey"] if seen else await self._first_vkey())
        note = await self._get("checkpoint", MAX_NOTE)
        try:
            checkpoint, _ = open_checkpoint(note, verifier)
        except TransparencyError:
            if self._pinned or not seen:
                raise
            seen, verifier = None, await self._successor(seen, verifier, note)
            checkpoint, _ = open_checkpoint(note, verifier)
        async with self._database.transaction() as tx:
            told = await store.heard(tx, checkpoint.origin)
        await self._hold_to(checkpoint, seen, told)
        async with self._database.transaction() as tx:
            noted = await store.note_seen(tx, seen, verifier.vkey, checkpoint)
        return Head(checkpoint, note.decode()) if noted else None

    async def _successor(self, seen: Any, old: NoteVerifier, note: bytes) -> NoteVerifier:
        """Return the key of the log that has taken the old one's place: its leaf 0 is the old one's last checkpoint.

        That must be signed by the key that is believed, and go on from what was seen. Raises Contradiction, or
        TransparencyError.
        """
        new = NoteVerifier.parse(await self._first_vkey())
        checkpoint, _ = open_checkpoint(note, new)
        number = _number_before(old.name, new.name)
        if number is None or checkpoint.size == 0:
            raise Contradiction(f"it is signed by {new.name}, and {old.name} was seen")
        bundle = Bundle(0, min(FULL, checkpoint.size))
        first = read_bundle(await self._get(bundle.path, bundle.width * (2 + MAX_ENTRY)), bundle.width)[0]
        if (await self.included(Head(checkpoint, note.decode()), 0)).leaf != merkle.leaf_hash(first):
            raise Contradiction(f"leaf 0 of {new.name} is not the one that is served")
        last, _ = open_checkpoint(first, old)
        if last.size < seen["size"]:
            raise Contradiction(f"{old.name} ended with {last.size} leaves and had {seen['size']}")
        before = LogReader(self._database, f"{self._url}/{number}", old.vkey)
        await before._continues(seen["size"], seen["root"], last)
        return new

    async def _hold_to(self, new: Checkpoint, seen: Any, told: Any) -> None:
        """Raise Contradiction or ProofError unless the tree goes on from the one seen, and from the one told of."""
        if seen and seen["size"] > new.size:
            raise Contradiction(f"the log has {new.size} leaves and had {seen['size']}")
        if seen:
            await self._continues(seen["size"], seen["root"], new)
        if told and told["version"] <= new.size:  # what is told is not published yet where it is more
            await self._continues(told["version"], bytes.fromhex(told["root"]), new)

    async def _continues(self, size: int, root: bytes, new: Checkpoint) -> None:
        tiles = await self._fetch_tiles(merkle.nodes_for_consistency(size, new.size), new)
        proof = merkle.consistency_proof(size, new.size, hashes_in(tiles))
        merkle.check_consistency(old_size=size, old_root=root, new_size=new.size, new_root=new.root, proof=proof)
        self._keep(tiles, new.origin)

    async def _first_vkey(self) -> str:
        return (await self._get("vkey", MAX_VKEY)).decode(errors="replace").strip()

    async def _fetch_tiles(self, nodes: Iterable[Node], of: Checkpoint) -> dict[Tile, bytes]:
        return {tile: await self._tile(tile, of.origin) for tile in sorted(tiles_for(nodes, of.size))}

    async def _tile(self, tile: Tile, origin: str) -> bytes:
        return self._tiles.get((origin, tile)) or await self._get(tile.path, tile.width * merkle.HASH_SIZE)

    def _keep(self, tiles: dict[Tile, bytes], origin: str) -> None:
        """Keep tiles that a proof has shown to be the tree's; others could stand in the way of the right ones."""
        self._tiles |= {(origin, tile): content for tile, content in tiles.items()}
        while len(self._tiles) > TILES_KEPT:
            self._tiles.popitem(last=False)

    async def _get(self, path: str, longest: int) -> bytes:
        """Return a file of the log of at most so many bytes; raises httpx.HTTPError, TimeoutError, Contradiction."""
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(trust_env=False, timeout=SECONDS, headers={"Accept-Encoding": "identity"}) as client,
            client.stream("GET", f"{self._url}/{path}") as response,
        ):
            response.raise_for_status()
            body = bytearray()
            async for piece in response.aiter_raw():  # as it came: a piece can unpack to a thousand times its size
                body += piece
                if len(body) > longest:
                    raise Contradiction(f"{path} is longer than it can be")
            return bytes(body)


def _number_before(old: str, new: str) -> int | None:
    """Return the number of the log `old` where `new` is the name of the next: `<name>`, `<name>/2`, `<name>/3`."""
    base, _, last = new.rpartition("/")
    number = (read_number(last) or 0) - 1
    return number if number >= 1 and old == (base if number == 1 else f"{base}/{number}") else None


def contradicts(reason: str) -> Unavailable:
    """Call the operator, and build the error that says that the log can't be relied on."""
    alarm("log_contradicts", reason=reason)
    return Unavailable("log_contradicts_itself", "The transparency log is not what was seen of it before.")
