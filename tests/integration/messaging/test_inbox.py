"""The inbox: each event takes effect once, whoever dies; what fails blocks its own key and nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.db import Tx
from shared.ids import new_id
from shared.messaging import cloudevents, holding, projections
from shared.messaging.effect import Effects
from shared.messaging.events import BY_TYPE, ISSUER_EVENTS, ISSUER_STATE, InstitutionState
from shared.messaging.inbox import Consumer, Delivery, Gap, Limits, Retries
from shared.messaging.ports import Received
from shared.messaging.positions import Fenced
from tests.integration.messaging.builders import change, id_in, institution, record
from tests.integration.messaging.conditions import EFFECTS, alarms, becomes
from tests.integration.messaging.conftest import Service, running, write_effects
from tests.integration.messaging.logs import LogUnderTest
from tests.integration.messaging.processes import killed_at_the_place
from tests.support.poll import eventually

SOON = Retries(attempts=3, first=0.01, longest=0.01, gap=0.05)
PARKED = "select count(*) from held_records where state = 'parked'"
BURIED = "select count(*) from held_records where state = 'buried'"


def consumer(service: Service, log: LogUnderTest, handler: Any = write_effects, **options: Any) -> Consumer:
    """A consumer of issuer.events.v1."""
    return Consumer(service.database, log.log, "group", [ISSUER_EVENTS], handler, **{"retries": SOON, **options})


async def test_a_consumer_killed_between_effect_and_commit_leaves_one_effect(
    service: Service, event_log: LogUnderTest
) -> None:
    await event_log.publish(record(change()))
    await killed_at_the_place("consumer", service.clean.worker, event_log)
    assert await service.value(EFFECTS) == 0
    async with running(consumer(service, event_log)):
        await becomes(service, 1, EFFECTS)
        await event_log.publish(record(change()))
        await becomes(service, 2, EFFECTS)


async def test_the_same_event_a_thousand_times_has_one_effect(service: Service, event_log: LogUnderTest) -> None:
    message, event_id = change(), new_id()
    await event_log.publish(*[record(message, event_id)] * 1000, last := record(change(message.credential_id, 3)))
    async with running(consumer(service, event_log)):
        await becomes(service, 1, "select count(*) from effects where version = 3")
    assert last.partition
    assert await service.value(EFFECTS) == 2


async def test_a_zombie_that_goes_on_with_a_lost_partition_is_fenced_and_leaves_nothing(service: Service) -> None:
    one = record(change())
    received = Received(one.partition, 0, one.key, one.headers, one.value, await service.value("select now()"))
    effects = Effects(service.database, "group", write_effects, claims=False, retries=SOON)
    async with service.database.transaction() as tx:
        await tx.execute("insert into consumer_offsets values ('group', $1, $2, 0)", *one.partition)
    assert await effects.apply([received], {one.partition: 0}) == {one.partition: 1}
    with pytest.raises(Fenced):
        await effects.apply([received], {one.partition: 0})
    assert await service.value(EFFECTS) == 1


async def test_an_older_version_after_a_newer_one_is_ignored(service: Service, event_log: LogUnderTest) -> None:
    async def copy(tx: Tx, deliveries: Sequence[Delivery]) -> None:
        rows = [each.message for each in deliveries if isinstance(each.message, InstitutionState)]
        await projections.upsert(
            tx, "copies", [{"id": each.institution_id, "version": each.version, "name": each.name} for each in rows]
        )

    one, last = id_in(5), id_in(5)
    await event_log.publish(
        record(institution(one, 2, "new")), record(institution(one, 1, "old")), record(institution(last))
    )
    reader = Consumer(service.database, event_log.log, "group", [ISSUER_STATE], copy, claims=False)
    async with running(reader):
        await becomes(service, 1, "select count(*) from copies where id = $1", last)
    assert await service.rows("select version, name from copies where id = $1", one) == [(2, "new")]


async def in_order(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """A handler that needs every version: 2, 3, 4 ..."""
    for each in deliveries:
        version = each.message.version  # type: ignore[attr-defined]
        last = await tx.fetchval("select coalesce(max(version), 1) from effects where key = $1", each.message.key)
        if version > last + 1:
            raise Gap(f"version {version} after {last}")
        await write_effects(tx, [each])


async def test_a_gap_is_parked_blocks_no_other_key_and_closes_by_itself(
    service: Service, event_log: LogUnderTest
) -> None:
    one, other = id_in(7), id_in(7)
    await event_log.publish(
        record(change(one, 4)), record(change(one, 3)), record(change(other, 2)), record(change(one, 5))
    )
    async with running(consumer(service, event_log, in_order)):
        await becomes(service, 3, PARKED)
        await becomes(service, 1, EFFECTS)
        await event_log.publish(record(change(one, 2)))
        await becomes(service, 0, PARKED)
    assert await service.rows("select version from effects where key = $1 order by n", str(one)) == [
        (2,),
        (3,),
        (4,),
        (5,),
    ]


async def test_a_record_parked_for_more_than_five_minutes_raises_an_alarm(
    service: Service, event_log: LogUnderTest
) -> None:
    before = alarms("parked_too_long")
    await event_log.publish(record(change(version=3)))
    async with running(consumer(service, event_log, in_order)):
        await becomes(service, 1, PARKED)
    await service.move_clock("6 minutes")
    async with running(consumer(service, event_log, in_order)):
        await eventually(lambda: alarms("parked_too_long") > before)


class FailsFor:
    """A handler that fails for one key while `failing`."""

    def __init__(self, key: UUID) -> None:
        self.key = str(key)
        self.failing = True
        self.tried = 0

    async def __call__(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        for each in deliveries:
            if each.message.key == self.key and self.failing:
                self.tried += 1
                raise RuntimeError("not this one")
        await write_effects(tx, deliveries)


async def test_a_failing_record_is_tried_buried_and_replayed_and_only_its_own_key_waits(
    service: Service, event_log: LogUnderTest
) -> None:
    bad, good = id_in(2), id_in(2)
    handler = FailsFor(bad)
    await event_log.publish(
        record(change(bad, 2)), record(change(good, 2)), record(change(bad, 3)), record(change(good, 3))
    )
    async with running(consumer(service, event_log, handler)):
        await becomes(service, 2, BURIED)
        assert await service.rows("select attempts from held_records") == [(3,), (3,)]
        await becomes(service, 2, EFFECTS)
        assert await _held(service, bad, good) == {str(bad)}
        handler.failing = False
        async with service.database.transaction() as tx:
            letters = await holding.dead_letters(tx, None, 10)
            assert [each["aggregate"] for each in letters] == [str(bad)] * 2
            assert await holding.dead_letters(tx, letters[-1]["id"], 10) == []
            assert await holding.replay(tx) == 2
        await becomes(service, 4, EFFECTS)
    assert await _held(service, bad, good) == set()
    assert await service.rows("select version from effects where key = $1 order by n", str(bad)) == [(2,), (3,)]


async def _held(service: Service, *keys: UUID) -> set[str]:
    query = "select distinct aggregate from held_records where aggregate = any($1)"
    return {row[0] for row in await service.rows(query, list(map(str, keys)))}


@pytest.mark.parametrize("failure", [asyncpg.CannotConnectNowError("x"), asyncpg.DeadlockDetectedError("x"), OSError()])
async def test_failures_of_our_own_database_or_network_never_count_as_attempts(
    service: Service, embedded_log: LogUnderTest, failure: Exception
) -> None:
    times = 0

    async def fails_ten_times(tx: Tx, deliveries: Sequence[Delivery]) -> None:
        nonlocal times
        times += 1
        if times <= 4:
            raise failure
        await write_effects(tx, deliveries)

    await embedded_log.publish(record(change()))
    async with running(consumer(service, embedded_log, fails_ten_times)):
        await becomes(service, 1, EFFECTS)
    assert await service.value("select count(*) from held_records") == 0
    assert times == 5


async def test_a_wrong_argument_to_a_statement_is_the_handlers_failure(
    service: Service, embedded_log: LogUnderTest
) -> None:
    async def passes_text_for_a_number(tx: Tx, deliveries: Sequence[Delivery]) -> None:
        await tx.execute("insert into effects (version) values ($1)", "two")

    await embedded_log.publish(record(change()))
    async with running(consumer(service, embedded_log, passes_text_for_a_number)):
        await becomes(service, 1, BURIED)


GOOD = record(change(id_in(1)))
OTHER = record(change(id_in(2)))


@pytest.mark.parametrize(
    ("reason", "key", "headers", "value"),
    [
        ("not JSON", GOOD.key, GOOD.headers, b"{"),
        ("not JSON", GOOD.key, GOOD.headers, b'{"version": NaN}'),
        ("wrong schema", GOOD.key, GOOD.headers, b'{"version": 2}'),
        ("no ce_id", GOOD.key, record(change(), ce_id=None).headers, GOOD.value),
        ("ce_id is not a UUID", GOOD.key, record(change(), ce_id=b"7").headers, GOOD.value),
        ("no value", GOOD.key, GOOD.headers, None),
        ("no key", None, GOOD.headers, GOOD.value),
        ("larger than 512 KiB", GOOD.key, GOOD.headers, b'"' + b"x" * 513 * 1024 + b'"'),
        ("a header is not UTF-8", GOOD.key, (*GOOD.headers, ("more", b"\xff")), GOOD.value),
        ("key is not the aggregate's", b"another", GOOD.headers, GOOD.value),
        (
            "dated in the far future",
            GOOD.key,
            record(change(), ce_time=b"2099-01-01T00:00:00+00:00").headers,
            GOOD.value,
        ),
        ("ce_time is not an RFC 3339 time", GOOD.key, record(change(), ce_time=b"now").headers, GOOD.value),
        ("does not belong on this topic", GOOD.key, record(institution()).headers, GOOD.value),
        (
            "ce_source is not this topic's service",
            GOOD.key,
            record(change(), ce_source=b"/laurel/x").headers,
            GOOD.value,
        ),
        ("not the partition of its key", OTHER.key, OTHER.headers, OTHER.value),
        ("wrong schema", b"\xff\x00", GOOD.headers, b"{}"),
    ],
    # Keys are new at every start, and two workers must call the same test by the same name.
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_ill_formed_is_buried_with_its_reason_and_the_partition_moves_on(
    service: Service, embedded_log: LogUnderTest, reason: str, key: bytes | None, headers: Any, value: bytes | None
) -> None:
    await embedded_log.inject(GOOD.partition, key, headers, value)
    await embedded_log.publish(GOOD)
    async with running(consumer(service, embedded_log)):
        await becomes(service, 1, EFFECTS)
    [(state, found, kept)] = await service.rows("select state, reason, value from held_records")
    assert state == "buried"
    assert reason in found
    assert kept == value


async def test_ill_formed_records_of_every_kind_are_buried_on_kafka_as_well(
    service: Service, kafka_log: LogUnderTest
) -> None:
    await kafka_log.inject(GOOD.partition, GOOD.key, GOOD.headers, None)
    await kafka_log.inject(GOOD.partition, None, GOOD.headers, GOOD.value)
    await kafka_log.inject(GOOD.partition, GOOD.key, [], b"{")
    await kafka_log.inject(GOOD.partition, GOOD.key, [*GOOD.headers, ("more", b"\xff")], GOOD.value)
    await kafka_log.publish(GOOD)
    async with running(consumer(service, kafka_log)):
        await becomes(service, 1, EFFECTS)
    assert await service.value(BURIED) == 4


async def test_ill_formed_records_never_pause_a_partition(service: Service, embedded_log: LogUnderTest) -> None:
    for _ in range(120):
        await embedded_log.inject(GOOD.partition, GOOD.key, GOOD.headers, b"{")
    await embedded_log.publish(GOOD)
    reader = consumer(service, embedded_log)
    async with running(reader):
        await becomes(service, 1, EFFECTS)
        assert reader.trouble() is None


async def test_an_unknown_type_parks_its_key_and_is_tried_again_at_the_next_start(
    service: Service, event_log: LogUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = id_in(9), id_in(9)
    strange = record(change(one, 2), ce_type=b"laurel.credential.praised.v1")
    await event_log.publish(strange, record(change(one, 3)), record(change(other, 2)))
    async with running(consumer(service, event_log)):
        await becomes(service, 1, EFFECTS)
        await becomes(service, 2, PARKED)
        assert await service.rows("select cause from held_records order by id") == [("unknown_type",), ("behind",)]
    known = {**BY_TYPE, "laurel.credential.praised.v1": type(change())}
    monkeypatch.setattr(cloudevents, "BY_TYPE", known)
    async with running(consumer(service, event_log)):
        await becomes(service, 0, PARKED)
    assert await service.rows("select version from effects where key = $1 order by n", str(one)) == [(2,), (3,)]


async def test_a_consumer_that_fails_for_everything_pauses_and_buries_nothing_and_goes_on_when_mended(
    service: Service, event_log: LogUnderTest
) -> None:
    broken = True

    async def handler(tx: Tx, deliveries: Sequence[Delivery]) -> None:
        if broken:
            raise RuntimeError("everything fails")
        await write_effects(tx, deliveries)

    await event_log.publish(*[record(change(id_in(4))) for _ in range(100)])
    retries = Retries(attempts=1000, first=0.5)
    reader = consumer(service, event_log, handler, retries=retries, limits=Limits(rest=0.5))
    async with running(reader):
        await eventually(reader.trouble)
        assert await service.rows("select state, count(*) from held_records group by state") == [("parked", 50)]
        assert "issuer.events.v1/4" in (reader.trouble() or "")
        broken = False
        await becomes(service, 100, EFFECTS)
        assert reader.trouble() is None


async def test_a_lost_connection_in_the_middle_of_an_effect_leaves_one_effect(
    service: Service, event_log: LogUnderTest
) -> None:
    cut = asyncio.Event()

    async def handler(tx: Tx, deliveries: Sequence[Delivery]) -> None:
        await write_effects(tx, deliveries)
        if not cut.is_set():
            cut.set()
            await service.superuser(f"select pg_terminate_backend({await tx.fetchval('select pg_backend_pid()')})")

    await event_log.publish(record(change()))
    async with running(consumer(service, event_log, handler)):
        await becomes(service, 1, EFFECTS)
    assert cut.is_set()
    assert await service.value("select count(*) from held_records") == 0
