"""One transaction of a consumer: move its offsets, claim what is new, have it handled, hold the rest."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime

from shared import db, telemetry
from shared.db import Database, Tx
from shared.messaging import holding, positions, projections
from shared.messaging.cloudevents import Delivery, IllFormed, UnknownType, decode
from shared.messaging.events import Heartbeat, Message
from shared.messaging.holding import Held, Retries, aggregate_of
from shared.messaging.metrics import RETRIES, alarm
from shared.messaging.ports import Partition, Received

Handler = Callable[[Tx, Sequence[Delivery]], Awaitable[None]]
Read = Callable[[Received, datetime], Delivery]  # as `decode` does


class Gap(Exception):
    """Raised by a handler: an earlier event of this key has not come yet. The record waits until it has."""


class Effects:
    """The transactions of one consumer; everything that it changes in its database, it changes here."""

    def __init__(
        self,
        database: Database,
        consumer: str,
        handler: Handler,
        *,
        claims: bool,
        retries: Retries,
        read: Read = decode,
        ignored: Collection[type[Message]] = (),
    ) -> None:
        self._database = database
        self._consumer = consumer
        self._handler = handler
        self._claims = claims
        self._retries = retries
        self._read = read
        self._ignored = {kind.TYPE.encode() for kind in ignored}

    async def apply(self, records: Sequence[Received], expected: Mapping[Partition, int]) -> dict[Partition, int]:
        """Handle `records` (in order within each partition) once, or not at all; return where their partitions go on.

        Raises Fenced where `expected` is not what is stored, and whatever the handler raises.
        """
        after = {each.partition: each.offset + 1 for each in records}
        async with self._database.transaction() as tx:
            await positions.advance(tx, self._consumer, {each: (expected[each], after[each]) for each in after})
            wanted = [each for each in records if not self._ignores(each)]
            if not wanted:
                return after
            keys = {key for key in map(aggregate_of, wanted) if key}
            waiting = await holding.waiting(tx, self._consumer, keys)
            blocked = {place for place, blocks in waiting.items() if blocks}
            deliveries, held = sift(wanted, blocked, await db.now(tx), self._read)
            await self._handle(tx, [delivery for _, delivery in deliveries])
            if held:
                await holding.hold(tx, self._consumer, held)
            moved = {(each.partition.topic, aggregate_of(each)) for each, _ in deliveries}
            if moving := moved & (waiting.keys() - blocked):
                await holding.wake(tx, self._consumer, moving)
        for each in held:
            _raise_alarm(self._consumer, each)
        return after

    async def park(self, record: Received, expected: int, error: Exception) -> int:
        """Park a record that failed with `error`, and go on behind it."""
        held = self._parked(record, error)
        async with self._database.transaction() as tx:
            await positions.advance(tx, self._consumer, {record.partition: (expected, record.offset + 1)})
            await holding.hold(tx, self._consumer, [held])
        _raise_alarm(self._consumer, held)
        return record.offset + 1

    async def retry(self, partitions: Collection[Partition]) -> bool:
        """Try one parked record of `partitions` whose time has come; return whether there was one."""
        async with self._database.transaction() as tx:
            held = await holding.next_due(tx, self._consumer, partitions)
            if held is None:
                return False
            RETRIES.labels(self._consumer).inc()
            try:
                async with tx.transaction():  # a savepoint: what fails leaves the record locked and nothing done
                    await self._handle(tx, [self._read(held.received, await db.now(tx))])
                    await holding.settle(tx, held)
                    await holding.wake(tx, self._consumer, [held.place])
            except Exception as error:
                if db.is_failure_of_ours(error):
                    raise
                await self._hold_again(tx, held, error)
        return True

    async def _hold_again(self, tx: Tx, held: Held, error: Exception) -> None:
        attempts = held.attempts
        match error:
            case UnknownType():
                await holding.keep(tx, held, "unknown_type", _reason(error), delay=0, attempts=attempts)
            case Gap():
                await holding.keep(tx, held, "gap", _reason(error), delay=self._retries.gap, attempts=attempts)
            case IllFormed():
                await holding.bury(tx, held, "ill_formed", _reason(error), attempts=attempts)
            case _ if attempts + 1 < self._retries.attempts:
                delay = self._retries.delay(attempts + 1)
                await holding.keep(tx, held, "failed", _reason(error), delay=delay, attempts=attempts + 1)
            case _:
                await holding.bury(tx, held, "failed", _reason(error), attempts=attempts + 1)
                alarm("buried", consumer=self._consumer, partition=held.received.partition, reason=_reason(error))

    async def _handle(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        beats = [each for each in deliveries if isinstance(each.message, Heartbeat)]
        if beats:
            await projections.store_heartbeats(tx, beats)
        fresh = [each for each in deliveries if not isinstance(each.message, Heartbeat)]
        if self._claims and fresh:
            fresh = await _claim(tx, self._consumer, fresh)
        if fresh:
            with _spans(fresh) as deliveries_in_spans:
                await self._handler(tx, deliveries_in_spans)

    def _ignores(self, record: Received) -> bool:
        return bool(self._ignored) and dict(record.headers).get("ce_type") in self._ignored

    def _parked(self, record: Received, error: Exception) -> Held:
        if isinstance(error, Gap):
            return Held(record, "gap", _reason(error), delay=self._retries.gap)
        return Held(record, "failed", _reason(error), delay=self._retries.delay(1), attempts=1)


def sift(
    records: Sequence[Received], blocked: Collection[tuple[str, str]], now: datetime, read: Read = decode
) -> tuple[list[tuple[Received, Delivery]], list[Held]]:
    """Part what can be handled from what is held: ill-formed, of unknown type, or behind a held record of its key."""
    deliveries: list[tuple[Received, Delivery]] = []
    held: list[Held] = []
    closed: set[tuple[str, str | None]] = set(blocked)
    for record in records:
        place = record.partition.topic, aggregate_of(record)
        try:
            delivery = read(record, now)
        except IllFormed as error:
            held.append(Held(record, "ill_formed", _reason(error)))
        except UnknownType as error:
            held.append(Held(record, "unknown_type", _reason(error)))
            closed.add(place)
        else:
            if place in closed:
                held.append(Held(record, "behind", "an earlier record of this key is held"))
            else:
                deliveries.append((record, delivery))
    return deliveries, held


async def _claim(tx: Tx, consumer: str, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Return those that this consumer never handled, each once; a racing duplicate waits here for the other's end."""
    rows = await tx.fetch(
        """
        insert into inbox_claims (consumer, source, event_id)
        select $1, source, event_id from unnest($2::text[], $3::uuid[]) as e(source, event_id)
        order by source, event_id on conflict do nothing returning source, event_id
        """,
        consumer,
        [each.source for each in deliveries],
        [each.id for each in deliveries],
    )
    claimed = {(row["source"], row["event_id"]) for row in rows}
    first = {(each.source, each.id): each for each in reversed(deliveries)}
    return [each for each in deliveries if (each.source, each.id) in claimed and first[each.source, each.id] is each]


@contextmanager
def _spans(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Open a span for each delivery that asks for one; what the handler makes of it continues that span.

    See `telemetry.within`.
    """
    with ExitStack() as stack:
        inside = []
        for each in deliveries:
            if not telemetry.is_sampled(each.traceparent):
                inside.append(each)
                continue
            span = telemetry.consumer_span(f"handle {each.message.TYPE}", each.traceparent, _attributes(each))
            stack.enter_context(span)
            inside.append(replace(each, traceparent=telemetry.outgoing().get("traceparent")))
        yield inside


def _attributes(delivery: Delivery) -> dict[str, str]:
    attributes = {"messaging.message.id": str(delivery.id), "laurel.event_type": delivery.message.TYPE}
    if credential_id := getattr(delivery.message, "credential_id", None):
        attributes["laurel.credential_id"] = str(credential_id)
    return attributes


def _raise_alarm(consumer: str, held: Held) -> None:
    """Call the operator where no further try can help; failures are told when they are buried."""
    match held.cause:
        case "ill_formed" | "unknown_type" as kind:
            place, offset = held.received.partition, held.received.offset
            alarm(kind, consumer=consumer, partition=place, offset=offset, reason=held.reason)


def _reason(error: Exception) -> str:
    """Say why, without what was in the record: messages of the database quote values."""
    if isinstance(error, (Gap, IllFormed, UnknownType)):
        return f"{type(error).__name__}: {error}"[:500].replace("\0", "")
    return type(error).__name__
