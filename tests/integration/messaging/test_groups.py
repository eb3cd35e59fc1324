"""Groups and positions: who reads what, from where, and what becomes of it when the log has let go of something."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from shared.db import Tx
from shared.ids import new_id
from shared.messaging import positions, projections
from shared.messaging.events import ISSUER_EVENTS, ISSUER_STATE, InstitutionState
from shared.messaging.inbox import Consumer, Delivery
from shared.messaging.ports import Partition, Reader, Received
from tests.integration.messaging.builders import change, id_in, institution, record
from tests.integration.messaging.conditions import EFFECTS, alarms, becomes, has_stopped
from tests.integration.messaging.conftest import MakeService, Service, running, write_effects
from tests.integration.messaging.logs import LogUnderTest
from tests.support.poll import eventually


async def copy(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Keep the newest version of each institution."""
    states = [each.message for each in deliveries if isinstance(each.message, InstitutionState)]
    rows = [{"id": each.institution_id, "version": each.version, "name": each.name} for each in states]
    await projections.upsert(tx, "copies", rows)


def state_consumer(service: Service, log: LogUnderTest) -> Consumer:
    """A consumer of issuer.state.v1."""
    return Consumer(service.database, log.log, "state", [ISSUER_STATE], copy, claims=False)


async def from_the_start(partitions: Sequence[Partition]) -> Mapping[Partition, int]:
    """A reader's position that knows nothing."""
    return {}


async def test_a_new_group_starts_at_the_earliest_record(service: Service, event_log: LogUnderTest) -> None:
    await event_log.publish(*[record(change()) for _ in range(10)])
    async with running(Consumer(service.database, event_log.log, "late", [ISSUER_EVENTS], write_effects)):
        await becomes(service, 10, EFFECTS)


async def test_members_of_a_group_share_the_partitions_and_take_over_from_who_leaves(event_log: LogUnderTest) -> None:
    readers = [await event_log.log.reader("shared", [ISSUER_EVENTS], from_the_start) for _ in range(3)]

    async def split(among: Sequence[Reader]) -> bool:
        await asyncio.gather(*[each.fetch(10, 0.1) for each in among])
        parts = [each.assigned() for each in among]
        fair = max(map(len, parts)) - min(map(len, parts)) <= 3
        return fair and sum(map(len, parts)) == len(set().union(*parts)) == 16

    await eventually(lambda: split(readers))
    await readers.pop().close()
    await eventually(lambda: split(readers))
    for reader in readers:
        await reader.close()


async def test_members_that_come_and_go_under_load_leave_each_event_one_effect(
    service: Service, event_log: LogUnderTest
) -> None:
    ids = [id_in(shard) for shard in range(16)]

    def member() -> Consumer:
        return Consumer(service.database, event_log.log, "group", [ISSUER_EVENTS], write_effects, claims=False)

    async with running(member()):
        for version in range(2, 12):
            await event_log.publish(*[record(change(each, version)) for each in ids])
        async with running(member(), member()):
            for version in range(12, 22):
                await event_log.publish(*[record(change(each, version)) for each in ids])
            await becomes(service, True, "select count(*) > 100 from effects")
        await becomes(service, 320, EFFECTS)
    # Without claims: the stored offsets alone keep each record to one effect.
    orders = await service.rows("select array_agg(version order by n) from effects group by key")
    assert orders == [(list(range(2, 22)),)] * 16


async def test_a_stored_offset_that_the_topic_no_longer_has_stops_the_consumer_with_an_alarm(
    service: Service, event_log: LogUnderTest
) -> None:
    one = id_in(6)
    await event_log.publish(record(change(one)))
    consumer = Consumer(service.database, event_log.log, "group", [ISSUER_EVENTS], write_effects)
    async with running(consumer):
        await becomes(service, 1, EFFECTS)
    await event_log.publish(*[record(change(one, version)) for version in range(3, 8)])
    await event_log.expire(Partition(ISSUER_EVENTS, 6), before=4)
    late = Consumer(service.database, event_log.log, "group", [ISSUER_EVENTS], write_effects)
    async with running(late):
        assert "lost" in await has_stopped(late)
        assert late.trouble() == late.stopped
    assert await service.value(EFFECTS) == 1


async def test_a_stopped_consumer_that_is_restarted_after_a_refeed_has_every_effect_once(
    service: Service, event_log: LogUnderTest
) -> None:
    history = [record(change(id_in(6), version)) for version in range(2, 8)]
    held = 'insert into held_records (consumer, state, cause, topic, partition, "offset", header_names, header_bytes,'
    held += " stored_at, reason) values ('group', 'buried', 'failed', $1, 6, 0, '{}', '{}', now(), 'kept')"
    await event_log.publish(*history[:2])
    consumer = Consumer(service.database, event_log.log, "group", [ISSUER_EVENTS], write_effects)
    async with running(consumer):
        await becomes(service, 2, EFFECTS)
    await event_log.publish(*history[2:])
    await event_log.expire(Partition(ISSUER_EVENTS, 6), before=5)
    before = alarms("offset_gone")
    late = Consumer(service.database, event_log.log, "group", [ISSUER_EVENTS], write_effects)
    async with running(late):
        await has_stopped(late)
        assert alarms("offset_gone") == before + 1
        await event_log.publish(*history)
        async with service.database.transaction() as tx:
            await tx.execute(held, ISSUER_EVENTS)
            assert await positions.restart(tx, "nobody") == 0
            assert await positions.restart(tx, "group") == 16
        await becomes(
            service, 12, "select next from consumer_offsets where topic = $1 and partition = 6", ISSUER_EVENTS
        )
        assert late.trouble() is None
    ids = [UUID(dict(each.headers)["ce_id"].decode()) for each in history]
    assert await service.rows("select event_id, count(*) from effects group by event_id order by min(n)") == [
        (each, 1) for each in [*ids[:2], ids[5], *ids[2:5]]
    ]
    assert await service.value("select reason from held_records") == "kept"
    assert alarms("offset_gone") == before + 1


async def test_a_consumer_that_has_taken_nothing_yet_goes_on_at_the_earliest_record_there_is(
    service: Service, event_log: LogUnderTest
) -> None:
    busy, go_on = asyncio.Event(), asyncio.Event()

    async def slow(tx: Tx, deliveries: Sequence[Delivery]) -> None:
        busy.set()
        await go_on.wait()
        await write_effects(tx, deliveries)

    before, last = alarms("offset_gone"), id_in(6)
    await event_log.publish(record(change(id_in(7))))
    async with running(Consumer(service.database, event_log.log, "group", [ISSUER_EVENTS], slow)):
        await busy.wait()
        await event_log.publish(*[record(change(id_in(6))) for _ in range(4)], record(change(last)))
        await event_log.expire(Partition(ISSUER_EVENTS, 6), before=4)
        go_on.set()
        await becomes(service, 1, "select count(*) from effects where key = $1", str(last))
    assert alarms("offset_gone") == before


async def test_a_stored_offset_beyond_the_topics_end_stops_the_consumer(
    service: Service, event_log: LogUnderTest
) -> None:
    async with service.database.transaction() as tx:
        await tx.execute("insert into consumer_offsets values ('group', $1, 6, 100)", ISSUER_EVENTS)
    consumer = Consumer(service.database, event_log.log, "group", [ISSUER_EVENTS], write_effects)
    async with running(consumer):
        await has_stopped(consumer)


async def test_compaction_keeps_each_keys_newest_record_and_leaves_holes(
    service: Service, event_log: LogUnderTest
) -> None:
    one, other = id_in(8), id_in(8)
    partition = Partition(ISSUER_STATE, 8)
    for version in range(1, 6):
        await event_log.publish(record(institution(one, version, f"one {version}")))
        await event_log.publish(record(institution(other, version, f"other {version}")))
    await event_log.publish(record(institution(id_in(8))))

    async def offsets() -> list[int]:
        # Kafka compacts closed segments alone, and closes one when something comes.
        await event_log.publish(record(institution(new_id())))
        await event_log.compact_at_once(ISSUER_STATE)
        reader = await event_log.log.reader(f"onlooker {new_id()}", [ISSUER_STATE], from_the_start)
        await eventually(lambda: _reads(reader))
        found = [each.offset for each in await _all(reader, partition)]
        await reader.close()
        return found

    async def compacted() -> bool:
        return (await offsets())[:3] == [8, 9, 10]

    await eventually(compacted, every=1)
    async with running(state_consumer(service, event_log)):
        await becomes(service, 2, "select count(*) from copies where version = 5")


async def _reads(reader: Reader) -> bool:
    return bool(await reader.fetch(1, 0)) or len(reader.assigned()) == 16


async def _all(reader: Reader, partition: Partition) -> list[Received]:
    await reader.seek(dict.fromkeys(reader.assigned()))
    found: list[Received] = []
    while any((await reader.lag()).values()):
        found += (await reader.fetch(100, 0.2)).get(partition, [])
    return found


async def test_a_rewound_consumer_fills_emptied_tables_with_the_same_again_while_it_runs(
    make_service: MakeService, event_log: LogUnderTest
) -> None:
    sender, receiver = await make_service(), await make_service()
    ids = [id_in(shard) for shard in range(16)]
    for version in (1, 2, 3):
        await sender.emit(*[institution(each, version, f"version {version}") for each in ids])
    fresh = "select count(*) from heartbeats"
    async with running(sender.relay(await event_log.log.publisher()), state_consumer(receiver, event_log)):
        await becomes(receiver, 16, "select count(*) from copies where version = 3")
        await becomes(receiver, 16, fresh)
        before = await receiver.rows("select * from copies order by id")
        async with receiver.database.transaction() as tx:
            await positions.rewind(tx, "state")
            await tx.execute("delete from copies")
            assert await tx.fetchval(fresh) == 0, "an emptied table must not look fresh"
        await becomes(receiver, 16, "select count(*) from copies where version = 3")
        await becomes(receiver, 16, fresh)
    assert await receiver.rows("select * from copies order by id") == before


async def test_a_rewound_consumer_notices_on_a_topic_where_nothing_more_comes(
    service: Service, event_log: LogUnderTest
) -> None:
    await event_log.publish(record(institution()))
    async with running(state_consumer(service, event_log)):
        await becomes(service, 1, "select count(*) from copies")
        async with service.database.transaction() as tx:
            await positions.rewind(tx, "state")
            await tx.execute("delete from copies")
        await becomes(service, 1, "select count(*) from copies")
