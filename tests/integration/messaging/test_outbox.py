"""The outbox: what is stored with a change, and why its unsent rows are the queue."""

import asyncio

import pytest

from shared import telemetry
from shared.errors import TooLarge
from shared.ids import new_id, partition_of
from shared.messaging import housekeeping, outbox
from tests.integration.messaging.builders import change
from tests.integration.messaging.conftest import Service


async def test_a_message_carries_its_envelope_its_partition_and_the_trace(service: Service) -> None:
    message, event_id = change(), new_id()
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with telemetry.within(traceparent):
        await service.emit(message, event_id=event_id)
    [(shard, key, headers)] = await service.rows("select shard, key, headers from outbox")
    assert (shard, key) == (partition_of(message.key), message.key)
    assert headers["ce_id"] == str(event_id)
    assert headers["ce_source"] == "/laurel/issuer"
    assert headers["ce_type"] == "laurel.credential.status-changed.v1"
    assert headers["ce_subject"] == message.key
    assert headers["traceparent"] == traceparent


async def test_messages_of_one_batch_continue_each_its_own_trace(service: Service) -> None:
    parents = [f"00-{trace:032x}-b7ad6b7169203331-01" for trace in (1, 2)]
    async with service.database.transaction() as tx:
        now = await tx.fetchval("select laurel_clock()")
        await outbox.add_many(tx, [outbox.Entry(change(), new_id(), now, parent) for parent in parents])
        await outbox.add_many(tx, [])
    assert [row[0]["traceparent"] for row in await service.rows("select headers from outbox order by id")] == parents


async def test_a_message_over_512_kib_is_refused_and_its_change_with_it(service: Service) -> None:
    with pytest.raises(TooLarge):
        await service.emit(change(), change(salt="s" * 512 * 1024))
    assert await service.value("select count(*) from outbox") == 0


async def test_a_reader_that_remembers_a_sequence_number_would_lose_rows(service: Service) -> None:
    """Why the relay asks for unsent rows: numbers are given before commit, so a smaller one may appear later."""
    async with service.database.transaction() as early, service.database.transaction() as late:
        first = await early.fetchval(_INSERT, new_id())
        second = await late.fetchval(_INSERT, new_id())
        assert first < second
    assert await service.value("select count(*) from outbox") == 2
    lost = await _rows_passed_over(service, writers=16, rows=250)
    assert lost > 0


async def _rows_passed_over(service: Service, writers: int, rows: int) -> int:
    """How many of the rows of many writers a reader by `id > last` never sees."""
    done = asyncio.Event()
    seen: set[int] = set()

    async def write() -> None:
        for _ in range(rows):
            async with service.database.transaction() as tx:
                await tx.execute(_INSERT, new_id())
                await asyncio.sleep(0)

    async def read() -> None:
        last, finished = 0, False
        while not finished:
            finished = done.is_set()
            new = [row[0] for row in await service.rows("select id from outbox where id > $1 order by id", last)]
            seen.update(new)
            last = max([last, *new])

    reading = asyncio.create_task(read())
    await asyncio.gather(*[write() for _ in range(writers)])
    done.set()
    await reading
    return int(await service.value("select count(*) from outbox")) - len(seen)


_INSERT = """
insert into outbox (event_id, topic, shard, key, headers, value)
values ($1, 'issuer.events.v1', 0, 'k', '{}', '') returning id
"""


async def test_rows_long_sent_and_claims_long_past_are_cleared_away_and_no_others(service: Service) -> None:
    await service.emit(change(), change(), change())
    async with service.database.transaction() as tx:
        await tx.execute(
            "update outbox set sent_at = now() - interval '2 hours' where id = (select min(id) from outbox)"
        )
        await tx.execute("update outbox set sent_at = now() where id = (select max(id) from outbox)")
        await tx.execute(
            "insert into inbox_claims values ('c', 's', $1, now() - interval '31 days'), ('c', 's', $2, now())",
            new_id(),
            new_id(),
        )
    async with service.database.session() as connection:
        await housekeeping.clear_away(connection)
    assert await service.rows("select (select count(*) from outbox), (select count(*) from inbox_claims)") == [(2, 1)]
