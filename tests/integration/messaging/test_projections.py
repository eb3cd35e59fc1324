"""Copies of others' state: newest version wins, and how fresh they are said to be."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.ids import new_id
from shared.messaging import projections
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import Heartbeat
from tests.integration.messaging.conftest import Service

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ISSUER = "/laurel/issuer"


async def _upsert(service: Service, *rows: dict[str, Any]) -> None:
    async with service.database.transaction() as tx:
        await projections.upsert(tx, "copies", rows)


async def test_the_newest_version_wins_whatever_the_order_even_within_one_batch(service: Service) -> None:
    one = new_id()
    await _upsert(service, *[{"id": one, "version": version, "name": str(version)} for version in (2, 5, 3)])
    await _upsert(service, {"id": one, "version": 4, "name": "4"})
    await _upsert(service)
    assert await service.rows("select version, name from copies") == [(5, "5")]


async def test_every_kind_of_column_comes_through(service: Service) -> None:
    async with service.database.transaction() as tx:
        row = {
            "id": new_id(), "version": 1 << 50, "at": NOON, "hash": b"\x00\xff", "doc": {"a": [1.5, None, "é"]},
            "scopes": ["x", "y"], "gone": None,
        }  # fmt: skip
        await projections.upsert(tx, "kinds", [row])
        assert [dict(each) for each in await tx.fetch("select * from kinds")] == [row]


async def _beat(service: Service, shard: int, time: datetime) -> None:
    beat = Delivery(new_id(), ISSUER, time, Heartbeat(shard=shard, time=time), None)
    async with service.database.transaction() as tx:
        await projections.store_heartbeats(tx, [beat])


async def test_a_beat_from_the_future_vouches_for_nothing_and_the_next_one_counts(service: Service) -> None:
    real = await service.value("select laurel_clock()")
    await _beat(service, 1, real + timedelta(minutes=2))
    assert await service.value("select time from heartbeats") < real + timedelta(minutes=1)
    await _beat(service, 1, real - timedelta(seconds=5))
    assert await service.value("select time from heartbeats") == real - timedelta(seconds=5)
