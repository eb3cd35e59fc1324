"""Begins a new log where the old one can't go on: the new one's first leaf is the old one's last checkpoint."""

from contextlib import suppress

import structlog
from asyncpg import Record

from services.registry.domain.leaves import Leaf
from services.registry.log.checks import FIRST, SecondPlaces
from services.registry.log.current import create_log
from services.registry.store import log as store
from shared.db import Tx
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.sealing import Sealer
from shared.transparency.checkpoints import Checkpoint, open_checkpoint
from shared.transparency.errors import TransparencyError
from shared.transparency.growing import Edge, grow
from shared.transparency.merkle import leaf_hash
from shared.transparency.note_keys import NoteVerifier

log = structlog.get_logger()


async def succeed(tx: Tx, sealer: Sealer, places: SecondPlaces, after: str) -> tuple[Record, Checkpoint]:
    """Let a new log follow the one of the origin `after`; return it with the old one's last checkpoint.

    What was published stays in the old one, whose files stay served; the rest, and what waits, goes into the new one.
    Raises NotFound where there is no log, Conflict where `after` is not the one that is written to or never was signed,
    LogUnavailable where the second place can't be asked for its last checkpoint.
    """
    old = await store.current_tree(tx, lock=True)
    if old is None:
        raise NotFound("log_not_found", "There is no log yet.")
    if old["origin"] != after:
        raise Conflict("another_log", f"The log that is written to is {old['origin']}.", origin=old["origin"])
    checkpoint, note = await _last(tx, old, places)
    first = await store.tree(tx, FIRST)
    number, base = old["number"] + 1, first["origin"] if first else old["origin"]
    tree = await create_log(tx, sealer, number, f"{base}/{number}")
    await _begin_with(tx, number, note)
    published = await store.published(tx, old["number"])
    await store.release(tx, old["number"], published["size"] if published else 0)
    log.warning("log_succeeded", origin=tree["origin"], after=after, size=checkpoint.size)
    return tree, checkpoint


async def _last(tx: Tx, old: Record, places: SecondPlaces) -> tuple[Checkpoint, str]:
    """Return the largest checkpoint that the old log's key has signed, wherever it is kept."""
    signed = await store.signed(tx, old["number"])
    notes = [each.checkpoint for each in await places.last_resort(old)] + ([signed["note"]] if signed else [])
    genuine: list[tuple[Checkpoint, str]] = []
    for note in notes:
        with suppress(TransparencyError):
            genuine.append((open_checkpoint(note.encode(), NoteVerifier.parse(old["vkey"]))[0], note))
    if not genuine:
        raise Conflict("nothing_signed", "The log has no checkpoint that another could follow.")
    return max(genuine, key=lambda each: each[0].size)


async def _begin_with(tx: Tx, number: int, note: str) -> None:
    leaf = Leaf(new_id(), note.encode())
    await store.add(tx, [leaf])
    row = await store.logged(tx, leaf.event_id)
    growth = grow(Edge(), [leaf_hash(leaf.entry)])
    await store.put_tiles(tx, number, growth.tiles)
    await store.place(tx, number, 0, [row["id"]] if row else [])
    await store.grow(tx, number, growth.edge.size, growth.edge.root)
