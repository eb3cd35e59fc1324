"""The relay: at least once, in order, past what is refused; and heartbeats that promise nothing too much."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.db import Tx
from shared.messaging import outbox
from shared.messaging.events import ISSUER_EVENTS, ISSUER_STATE, Heartbeat
from shared.messaging.inbox import Consumer, Delivery
from shared.messaging.ports import LogUnavailable, Partition, Received, Record
from tests.integration.messaging.builders import change, id_in, institution, record
from tests.integration.messaging.conditions import EFFECTS, UNSENT, becomes
from tests.integration.messaging.conftest import MakeService, Service, running, write_effects
from tests.integration.messaging.logs import KafkaUnderTest, LogUnderTest
from tests.integration.messaging.processes import killed_at_the_place
from tests.support.poll import eventually


async def everything_on(log: LogUnderTest, topic: str, records: int) -> list[Received]:
    """What stands on a topic, once it is `records` without heartbeats."""

    async def from_the_start(partitions: Sequence[Partition]) -> dict[Partition, int]:
        return {}

    found: list[Received] = []
    reader = await log.log.reader("onlooker", [topic], from_the_start)
    while len(found) < records:
        for batch in (await reader.fetch(100, 1)).values():
            found += [each for each in batch if each.key is not None and not each.key.startswith(b"heartbeat/")]
    await reader.close()
    return found


async def test_a_relay_killed_between_send_and_mark_sends_twice_and_the_inbox_makes_it_one_effect(
    make_service: MakeService, event_log: LogUnderTest
) -> None:
    sender, receiver = await make_service(), await make_service()
    await sender.emit(change())
    await killed_at_the_place("relay", sender.clean.worker, event_log)
    assert await sender.value(UNSENT) == 1
    relay = sender.relay(await event_log.log.publisher())
    consumer = Consumer(receiver.database, event_log.log, "group", [ISSUER_EVENTS], write_effects)
    async with running(relay, consumer):
        await becomes(sender, 0, UNSENT)
        await sender.emit(change())
        await becomes(receiver, 2, EFFECTS)
    assert len(await everything_on(event_log, ISSUER_EVENTS, 3)) == 3


async def test_several_relays_share_the_shards_and_keep_each_keys_order(
    make_service: MakeService, event_log: LogUnderTest
) -> None:
    sender, receiver = await make_service(), await make_service()
    relays = [sender.relay(await event_log.log.publisher()) for _ in range(3)]
    ids = [id_in(shard) for shard in range(16)]
    consumer = Consumer(receiver.database, event_log.log, "group", [ISSUER_EVENTS], write_effects)
    async with running(*relays, consumer):
        await eventually(lambda: _shards_by_relay(sender))
        for version in range(2, 12):
            await sender.emit(*[change(each, version) for each in ids])
        await becomes(receiver, 160, EFFECTS)
    orders = await receiver.rows("select array_agg(version order by n) from effects group by key")
    assert orders == [(list(range(2, 12)),)] * 16


async def _shards_by_relay(service: Service) -> bool:
    counts = await service.rows(
        """
        select count(*) from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock'
        and database = (select oid from pg_database where datname = current_database()) group by pid
        """
    )
    return len(counts) == 3 and sum(each[0] for each in counts) == 16 and max(counts)[0] <= 6


class _Refuses:
    """A log that takes everything but the records of one key, for good."""

    def __init__(self, key: UUID | None) -> None:
        self.key = key
        self.taken: list[Record] = []

    async def publish(self, records: Sequence[Record]) -> list[str | None]:
        refused = [self.key is not None and record.key == str(self.key).encode() for record in records]
        self.taken += [record for record, each in zip(records, refused, strict=True) if not each]
        return ["never" if each else None for each in refused]

    async def close(self) -> None:
        pass

    def beats(self) -> set[int]:
        """The shards that were said to be sent."""
        return {each.partition.number for each in self.taken if each.key.startswith(b"heartbeat/")}


async def test_a_refused_row_is_set_aside_with_its_keys_later_rows_while_other_keys_go_on(service: Service) -> None:
    bad, good = id_in(3), id_in(3)
    log = _Refuses(bad)
    await service.emit(change(bad, 2), change(good, 2))
    async with running(service.relay(log)):
        await becomes(service, 1, "select count(*) from outbox where refused is not null")
        await service.emit(change(bad, 3), change(good, 3))
        await becomes(service, 0, "select count(*) from outbox where key = $1", str(good))
        await eventually(lambda: len(log.beats()) == 15)
        assert await service.value("select count(*) from outbox where sent_at is null and key = $1", str(bad)) == 2
        assert 3 not in log.beats(), "a shard with a row that was not sent was said to be sent"
        log.key = None
        async with service.database.transaction() as tx:
            assert await outbox.release(tx) == 1
        await becomes(service, 0, UNSENT)
    versions = [b'"version":2' in each.value for each in log.taken if each.key == str(bad).encode()]
    assert versions == [True, False]


async def test_a_row_too_large_for_the_log_is_refused_by_it_and_the_rest_goes_on(
    service: Service, event_log: LogUnderTest
) -> None:
    await service.emit(change(), change(), change())
    async with service.database.transaction() as tx:
        await tx.execute("update outbox set value = $1 where id = (select min(id) from outbox)", b"x" * 513 * 1024)
    async with running(service.relay(await event_log.log.publisher())):
        await becomes(service, 1, "select count(*) from outbox where refused like '%bytes%'")
        await becomes(service, 1, "select count(*) from outbox")


async def test_the_largest_record_that_the_outbox_takes_passes_the_log(
    make_service: MakeService, event_log: LogUnderTest
) -> None:
    sender, receiver = await make_service(), await make_service()
    await sender.emit(change(salt="s" * (512 * 1024 - 1000)))
    relay = sender.relay(await event_log.log.publisher())
    async with running(relay, Consumer(receiver.database, event_log.log, "g", [ISSUER_EVENTS], write_effects)):
        await becomes(receiver, 1, EFFECTS)


async def test_rows_that_the_broker_refuses_wait_in_order_until_they_are_released(
    service: Service, kafka_log: KafkaUnderTest
) -> None:
    bad, good = id_in(3), id_in(3)
    await kafka_log.configure(ISSUER_EVENTS, {"max.message.bytes": "2000"})
    await kafka_log.comes_to_refuse(record(change(id_in(4), salt="s" * 3000)))
    async with running(service.relay(await kafka_log.log.publisher())):
        await service.emit(change(bad, 2, salt="s" * 3000), change(bad, 3), change(good, 2))
        await becomes(service, 2, "select count(*) from outbox where key = $1 and refused is not null", str(bad))
        await becomes(service, 0, "select count(*) from outbox where key = $1", str(good))
        await kafka_log.configure(ISSUER_EVENTS, {})
        await eventually(lambda: _nothing_is_left_when_released(service))
    async with running(Consumer(service.database, kafka_log.log, "group", [ISSUER_EVENTS], write_effects)):
        await becomes(service, [2, 3], "select array_agg(version order by n) from effects where key = $1", str(bad))


async def _nothing_is_left_when_released(service: Service) -> bool:
    async with service.database.transaction() as tx:
        await outbox.release(tx)
    return bool(await service.value(UNSENT) == 0)


class _Silent(_Refuses):
    """A log that can be told not to answer."""

    silent = True
    asked = 0

    async def publish(self, records: Sequence[Record]) -> list[str | None]:
        self.asked += 1
        if self.silent:
            raise LogUnavailable("told so")
        return await super().publish(records)


async def test_no_heartbeat_is_sent_while_a_row_of_the_shard_waits(service: Service) -> None:
    log = _Silent(None)
    await service.emit(change())
    before = await service.value("select laurel_clock()")
    async with running(service.relay(log)):
        await eventually(lambda: log.asked)
        log.silent = False
        await eventually(lambda: len(log.beats()) == 16)
    beats = [Heartbeat.model_validate_json(each.value) for each in log.taken if each.key.startswith(b"heartbeat/")]
    first_event = next(place for place, each in enumerate(log.taken) if not each.key.startswith(b"heartbeat/"))
    assert first_event == 0
    assert min(beat.time for beat in beats) >= before


async def test_an_idle_service_stays_fresh_and_a_stopped_relay_does_not_look_fresh(
    make_service: MakeService, event_log: LogUnderTest
) -> None:
    sender, receiver = await make_service(), await make_service()

    async def ignore(tx: Tx, deliveries: Sequence[Delivery]) -> None:
        pass

    async def as_of() -> datetime | None:
        [(shards, oldest)] = await receiver.rows("select count(*), min(time) from heartbeats")
        return oldest if shards == 16 else None

    async def fresh_since(time: datetime) -> bool:
        found = await as_of()
        return found is not None and found > time

    assert await as_of() is None
    consumer = Consumer(receiver.database, event_log.log, "state", [ISSUER_STATE], ignore, claims=False)
    async with running(consumer):
        async with running(sender.relay(await event_log.log.publisher())):
            await eventually(as_of)
            idle = await sender.value("select laurel_clock()")
            await eventually(lambda: fresh_since(idle))
        stopped = await sender.value("select laurel_clock()")
        await sender.emit(institution())
        for service in (sender, receiver):
            await service.move_clock("10 minutes")
        found = await as_of()
        assert found is not None
        assert found < stopped
        async with running(sender.relay(await event_log.log.publisher())):
            later = await sender.value("select laurel_clock() - interval '1 minute'")
            await eventually(lambda: fresh_since(later))
