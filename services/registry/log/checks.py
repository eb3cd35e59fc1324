"""Holds the tree against itself, and against what was signed of it: whatever does not fit stops the log."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from asyncpg import Record
from pydantic import ValidationError

from services.registry.log.tree import TreeChanged, root_at, tiles_of
from services.registry.store import log as store
from shared.db import Tx
from shared.ids import partition_of
from shared.messaging.events import REGISTRY_STATE, CheckpointState
from shared.messaging.ports import EventLog, LogUnavailable, Partition, Received
from shared.transparency.growing import Edge, edge_tiles, read_edge

FIRST = 1


@dataclass(frozen=True)
class SecondPlaces:
    """Where a checkpoint must stand before anybody else has it: the compacted topic, and a file where one is set.

    Who rewrites the database does not reach them. They are read here; `Checkpoints` (checkpoints.py) writes them.
    """

    log: EventLog
    file: Path | None = None

    async def seen(self, tx: Tx, tree: Record) -> list[CheckpointState]:
        """Return the newest checkpoint of this log that each place has.

        Raises TreeChanged where the topic has none and the tree has leaves (a successor's first does not count), or
        what a place has is no checkpoint; LogUnavailable where a place can't be read at all.
        """
        # Where it stood is a hint to be quick, and no more: who rewrites the database could move it.
        hint = tree["second_place_offset"]
        found = await self._in_topic(tree, hint)
        if found is None and hint:
            found = await self._in_topic(tree, 0)
        if found is None and tree["size"] > (tree["number"] > FIRST):
            raise TreeChanged(f"the second place has no checkpoint of a log that has {tree['size']} leaves here")
        if found:
            await store.note_second_place(tx, tree["number"], found.offset)
        texts = [found.value if found else None, await asyncio.to_thread(_content, self.file)]
        return [_read(text) for text in texts if text is not None]

    async def last_resort(self, tree: Record) -> list[CheckpointState]:
        """Return whatever the places have of this log, wherever it stands; LogUnavailable as `seen` has it."""
        found = await self._in_topic(tree, 0)
        texts = [found.value if found else None, await asyncio.to_thread(_content, self.file)]
        readable: list[CheckpointState] = []
        for text in texts:
            with suppress(TreeChanged):
                readable += [_read(text)] if text is not None else []
        return [each for each in readable if each.origin == tree["origin"]]

    async def _in_topic(self, tree: Record, since: int) -> Received | None:
        key = CheckpointState.key_of(tree["origin"])
        return await self.log.newest(Partition(REGISTRY_STATE, partition_of(key)), key.encode(), since)


async def check(tx: Tx, tree: Record, seen: list[CheckpointState]) -> None:
    """Raise TreeChanged unless the tree is whole and begins with everything that was `seen` of it."""
    await edge_of(tx, tree)
    count, behind = await store.count_entries(tx, tree["number"])
    if not count == behind == tree["size"]:
        raise TreeChanged(f"the tree has {tree['size']} leaves, and there are {count} entries up to {behind}")
    for each in seen:
        if each.origin != tree["origin"]:
            raise TreeChanged(f"a second place has a checkpoint of the log {each.origin}, and this is {tree['origin']}")
        await check_begins_with(tx, tree, each.version, bytes.fromhex(each.root))


async def check_begins_with(tx: Tx, tree: Record, size: int, root: bytes) -> None:
    """Raise TreeChanged unless the first `size` leaves of the tree have this root."""
    if size > tree["size"]:
        raise TreeChanged(f"{size} leaves were signed, and the tree has {tree['size']}: was a backup restored?")
    if await root_at(tx, tree["number"], size, tree["size"]) != root:
        raise TreeChanged(f"the first {size} leaves are not those that were signed")


async def edge_of(tx: Tx, tree: Record) -> Edge:
    """Return the tree's right edge; raises TreeChanged where it does not give the tree's root."""
    edge = read_edge(tree["size"], await tiles_of(tx, tree["number"], edge_tiles(tree["size"])))
    if edge.root != tree["root"]:
        raise TreeChanged("the tree's right edge does not give its root")
    return edge


def _content(file: Path | None) -> bytes | None:
    try:
        return file.read_bytes() if file else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LogUnavailable(f"the checkpoint file {file} can't be read: {error.strerror}") from error


def _read(text: bytes) -> CheckpointState:
    try:
        return CheckpointState.model_validate_json(text)
    except ValidationError as error:
        raise TreeChanged("what stands in a second place is no checkpoint") from error
