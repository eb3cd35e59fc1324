"""A consumer: reads what falls to it, has each record take effect once, parks what fails, passes over nothing.

    consumer = Consumer(database, log, "laurel.registry.record", [ISSUER_EVENTS], handle)
    await consumer.run()

`handle(tx, deliveries)` writes its effect into `tx` and raises what it can't handle; see `Gap`.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence

import structlog

from shared import db
from shared.bell import PACE_SECONDS
from shared.db import Database
from shared.messaging import holding, positions
from shared.messaging.brake import Brake, Limits
from shared.messaging.cloudevents import Delivery, decode
from shared.messaging.effect import Effects, Gap, Handler, Read
from shared.messaging.events import Message
from shared.messaging.holding import Retries
from shared.messaging.metrics import CONSUMED, alarm
from shared.messaging.pace import BackOff, Every
from shared.messaging.ports import EventLog, LogUnavailable, OffsetGone, Partition, Reader, Received
from shared.messaging.positions import EARLIEST, Fenced
from shared.messaging.watch import STALL_SECONDS, Stalled, Watch

__all__ = ["Consumer", "Delivery", "Gap", "Handler", "Limits", "Retries"]

log = structlog.get_logger()

# Records a transaction; what one round reads into memory is bounded by as many records of the largest size.
BATCH = 500
WAIT_SECONDS = 1.0
# Between two looks for parked records whose time has come, while there are any.
RETRY_SECONDS = 0.25
# Between two looks for offsets that somebody else has stored.
LOOK_SECONDS = 1.0


class Consumer:
    """One member of a group; `group` is also the name under which offsets and claims are stored.

    With `claims=False` an event may be handled again (for copies in which the newest version wins). `stopped` says why
    the consumer waits for `positions.restart`; `trouble()` also tells of partitions at rest.
    """

    def __init__(
        self,
        database: Database,
        log: EventLog,
        group: str,
        topics: Sequence[str],
        handler: Handler,
        *,
        claims: bool = True,
        retries: Retries | None = None,
        limits: Limits | None = None,
        excerpt: Callable[[Received], Received] | None = None,
        read: Read = decode,
        ignored: Collection[type[Message]] = (),
    ) -> None:
        """`excerpt` leaves of each record what may be stored here, should it be held; `read` reads what is left.

        Messages of the kinds `ignored` are passed over unread.
        """
        self.group = group
        self.stopped: str | None = None
        self._database = database
        self._event_log = log
        self._topics = topics
        self._effects = Effects(
            database, group, handler, claims=claims, retries=retries or Retries(), read=read, ignored=ignored
        )
        self._limits = limits or Limits()
        self._excerpt = excerpt
        self._brakes: dict[Partition, Brake] = {}
        self._next: dict[Partition, int] = {}
        self._astray = False
        self._parked = True  # until a look shows that nothing is
        self._retry_pace, self._look_pace, self._measure_pace = Every(RETRY_SECONDS), Every(LOOK_SECONDS), Every(10.0)

    def trouble(self) -> str | None:
        """Return what keeps this consumer from its work, in a few words; None while all is well."""
        if self.stopped:
            return self.stopped
        resting = ", ".join(f"{each.topic}/{each.number}" for each in self._resting())
        return f"too much fails, at rest: {resting}" if resting else None

    async def run(self) -> None:
        """Consume until cancelled; records that the log lost stop it, until an operator has it restarted."""
        while True:
            gone: OffsetGone | None = None
            reader = await self._event_log.reader(self.group, self._topics, self._positions)
            try:
                await self._consume(reader)
            except OffsetGone as error:
                gone = error
            except Stalled:
                alarm("stalled", consumer=self.group)
            finally:
                await reader.close()
            if gone is not None:
                await self._wait_for_restart(gone)

    async def _consume(self, reader: Reader) -> None:
        back_off, watch = BackOff(), Watch(self._database, self.group)
        while True:
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    if self._astray:
                        await self._find_back(reader)
                    batch = await reader.fetch(BATCH, RETRY_SECONDS if self._parked else WAIT_SECONDS)
                watch.saw(batch)
                began = time.monotonic()
                taken = await self._take(reader, self._excerpts(batch))
                await self._look_after(reader, watch)
                back_off.reset()
                if 0 < taken < BATCH:  # what comes meanwhile goes with it; the first after a pause waits for nothing
                    await asyncio.sleep(began + PACE_SECONDS - time.monotonic())
            except Fenced:
                self._astray = True
            except Exception as error:
                if not (isinstance(error, LogUnavailable) or db.is_failure_of_ours(error)):
                    raise
                self._astray = True  # the reader is past what was rolled back
                watch.begin_anew()
                reason = str(error) if isinstance(error, LogUnavailable) else None
                log.warning("consumer_waits", consumer=self.group, error=type(error).__name__, reason=reason)
                await back_off.wait()

    async def _wait_for_restart(self, gone: OffsetGone) -> None:
        """Stand still until another place is stored for the partition than the one that is gone."""
        if self._next[gone.partition] == EARLIEST:
            return  # nothing was taken yet, and what is earliest has only moved on
        self.stopped = f"records are lost to this consumer: {gone}"
        alarm("offset_gone", consumer=self.group, reason=str(gone))
        while not await self._has_moved(gone.partition):  # noqa: ASYNC110  # what it waits for stands in the database
            await asyncio.sleep(LOOK_SECONDS)
        self.stopped = None

    async def _has_moved(self, partition: Partition) -> bool:
        try:
            async with self._database.transaction() as tx:
                stored = await positions.stored(tx, self.group, [partition])
        except Exception as error:
            if not db.is_failure_of_ours(error):
                raise
            log.warning("consumer_waits", consumer=self.group, error=type(error).__name__)
            return False
        return stored.get(partition) != self._next[partition]

    async def _positions(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Answer the reader where to begin in partitions that have come to it."""
        async with self._database.transaction() as tx:
            found = await positions.load(tx, self.group, partitions)
            await holding.wake_unknown(tx, self.group, partitions)
        self._next.update(found)
        for each in partitions:
            self._brakes.pop(each, None)
        return {partition: offset for partition, offset in found.items() if offset != EARLIEST}

    async def _find_back(self, reader: Reader) -> None:
        """Go on where the database says: after a roll-back, a rewind, or another's step."""
        async with self._database.transaction() as tx:
            found = await positions.load(tx, self.group, reader.assigned())
        self._next.update(found)
        await reader.seek({each: _start(offset) for each, offset in found.items()})
        self._astray = False

    def _excerpts(self, batch: Mapping[Partition, Sequence[Received]]) -> Mapping[Partition, Sequence[Received]]:
        if self._excerpt is None:
            return batch
        return {partition: list(map(self._excerpt, records)) for partition, records in batch.items()}

    async def _take(self, reader: Reader, batch: Mapping[Partition, Sequence[Received]]) -> int:
        records = [record for each in batch.values() for record in each]
        if not records:
            return 0
        if len(records) == 1 or not await self._take_together(records):
            await self._take_one_by_one(reader, batch)
        CONSUMED.labels(self.group).inc(len(records))
        return len(records)

    async def _take_together(self, records: Sequence[Received]) -> bool:
        try:
            await self._apply(records)
        except Exception as error:
            if isinstance(error, Fenced) or db.is_failure_of_ours(error):
                raise
            return False
        return True

    async def _take_one_by_one(self, reader: Reader, batch: Mapping[Partition, Sequence[Received]]) -> None:
        for partition, records in batch.items():
            for record in records:
                if not await self._take_one(record):
                    await self._rest(reader, partition)
                    break

    async def _take_one(self, record: Received) -> bool:
        """Apply or park one record; False: it stays on the log, because too much fails here."""
        try:
            await self._apply([record])
        except Exception as error:
            if isinstance(error, Fenced) or db.is_failure_of_ours(error):
                raise
            if not isinstance(error, Gap) and self._brake(record.partition).failed(time.monotonic()):
                return False
            expected = self._next[record.partition]
            self._next[record.partition] = await self._effects.park(record, expected, error)
            self._parked = True
        return True

    async def _apply(self, records: Sequence[Received]) -> None:
        async with asyncio.timeout(STALL_SECONDS):
            self._next.update(await self._effects.apply(records, self._next))
        for partition in {each.partition for each in records}:
            count = sum(each.partition == partition for each in records)
            self._brake(partition).succeeded(count, time.monotonic())

    def _brake(self, partition: Partition) -> Brake:
        return self._brakes.setdefault(partition, Brake(self._limits))

    async def _rest(self, reader: Reader, partition: Partition) -> None:
        alarm("partition_rests", consumer=self.group, partition=partition)
        reader.pause(partition)
        await reader.seek({partition: _start(self._next[partition])})

    async def _look_after(self, reader: Reader, watch: Watch) -> None:
        """Do what is due now and then: retries, ends of rests, a look for a rewind, measures."""
        if self._parked and self._retry_pace.due():
            await self._retry(reader.assigned().difference(self._resting()))
        if self._look_pace.due():
            for partition, brake in self._brakes.items():
                if brake.rested(time.monotonic()):
                    reader.resume(partition)
            await self._look(reader)
        if self._measure_pace.due():
            async with asyncio.timeout(STALL_SECONDS):
                await watch.measure(reader, self._resting())
            noted = {each: self._next[each] for each in reader.assigned()}
            await reader.note({partition: offset for partition, offset in noted.items() if offset != EARLIEST})

    async def _retry(self, partitions: Collection[Partition]) -> None:
        """Try parked records that are due, a batch of them at most: new ones must not wait behind many old."""
        async with asyncio.timeout(STALL_SECONDS):
            for _ in range(BATCH):
                if not await self._effects.retry(partitions):
                    return

    async def _look(self, reader: Reader) -> None:
        """See whether anything is parked; raise Fenced where the stored offsets are not ours.

        With nothing to read nothing else would tell of a rewind.
        """
        ours = {partition: self._next[partition] for partition in reader.assigned()}
        async with self._database.transaction() as tx:
            self._parked = await holding.any_parked(tx, self.group)
            if await positions.stored(tx, self.group, ours) != ours:
                raise Fenced(self.group)

    def _resting(self) -> list[Partition]:
        return sorted(partition for partition, brake in self._brakes.items() if brake.engaged)


def _start(offset: int) -> int | None:
    return None if offset == EARLIEST else offset
