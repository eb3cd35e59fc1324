"""Signs what the tree has become, and lets everybody have it once the second places do."""

import asyncio
import os
from pathlib import Path

from asyncpg import Record

from services.registry.log.checks import check_begins_with
from services.registry.log.current import Log
from services.registry.log.witnesses import Witnesses
from services.registry.store import log as store
from shared.db import Database, Tx
from shared.ids import partition_of
from shared.messaging.cloudevents import encode, source_of
from shared.messaging.events import CheckpointState
from shared.messaging.outbox import state_entry
from shared.messaging.pace import Every
from shared.messaging.ports import LogUnavailable, Partition, Publisher
from shared.messaging.ports import Record as LogRecord

# Cosignatures say when a witness saw the log, and get old.
RENEWAL_SECONDS = 3600.0


class Checkpoints:
    """A log's checkpoints, in this order: committed, signed, acknowledged by second places, cosigned, published."""

    def __init__(
        self, database: Database, publisher: Publisher, current: Log, file: Path | None, witnesses: Witnesses
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._log = current
        self._file = file
        self._witnesses = witnesses
        self._renewal = Every(RENEWAL_SECONDS)

    async def publish(self) -> int | None:
        """Sign and publish where the tree has grown, or what was signed is not published yet; return its size.

        Witnesses are asked now and then without growth as well: their word gets old. None: there is nothing to say, or
        no quorum has cosigned. Raises TreeChanged where the tree does not begin with what was signed before,
        LogUnavailable where the second place can't have it.
        """
        async with self._database.transaction() as tx:
            due = await self._due(tx)
        if due is None:
            return None
        if due["published_at"] is None:
            await self._put_in_second_places(due)
        note = await self._witnesses.cosigned(due)
        if note is None:
            return None
        async with self._database.transaction() as tx:
            await store.publish(tx, self._log.number, due["size"], note)
        size: int = due["size"]
        return size

    async def _due(self, tx: Tx) -> Record | None:
        tree, last = await store.tree(tx, self._log.number), await store.signed(tx, self._log.number)
        if tree is None:
            return None
        if last is not None:
            await check_begins_with(tx, tree, last["size"], last["root"])
        if last is None or tree["size"] > last["size"]:
            note = self._log.checkpoint(tree["size"], tree["root"])
            await store.add_checkpoint(tx, self._log.number, tree["size"], tree["root"], note)
            last = await store.signed(tx, self._log.number)
        if last and (last["published_at"] is None or (self._witnesses.asked and self._renewal.due())):
            return last
        return None

    async def _put_in_second_places(self, checkpoint: Record) -> None:
        record = _record(self._log.origin, checkpoint)
        (refused,) = await self._publisher.publish([record])
        if refused:
            raise LogUnavailable(f"the second place refused a checkpoint: {refused}")
        if self._file:
            await asyncio.to_thread(_replace, self._file, record.value)


def _record(origin: str, checkpoint: Record) -> LogRecord:
    state = CheckpointState(
        origin=origin, version=checkpoint["size"], root=checkpoint["root"].hex(), checkpoint=checkpoint["note"]
    )
    entry = state_entry(state, checkpoint["signed_at"])
    headers = encode(state, event_id=entry.event_id, source=source_of(state.TOPIC), time=entry.time, trace={})
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    place = Partition(state.TOPIC, partition_of(state.key))
    return LogRecord(place, state.key.encode(), encoded, state.model_dump_json().encode())


def _replace(file: Path, content: bytes) -> None:
    """Write a file so that it is never half there, and is on the disk on return."""
    beside = file.with_name(file.name + ".new")
    try:
        with beside.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        beside.replace(file)
    except OSError as error:
        raise LogUnavailable(f"the checkpoint file {file} can't be written: {error.strerror}") from error
