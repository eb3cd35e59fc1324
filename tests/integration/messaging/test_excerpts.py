"""A consumer that may store no more than an excerpt stores no more, whether records are handled, held or ill-formed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.db import Tx
from shared.ids import new_id
from shared.messaging.cloudevents import Delivery, IllFormed
from shared.messaging.events import ISSUER_EVENTS
from shared.messaging.inbox import Consumer, Retries
from shared.messaging.ports import Received
from tests.integration.messaging.builders import change, record
from tests.integration.messaging.conditions import EFFECTS, becomes
from tests.integration.messaging.conftest import Service, running, write_effects
from tests.integration.messaging.logs import LogUnderTest

PLANTED = "planted-51c2"
HELD = "select count(*) from held_records where state = $1"


def id_alone(received: Received) -> Received:
    """Leave the event's id, where the record has one."""
    return replace(received, key=None, headers=(), value=dict(received.headers).get("ce_id"))


def read_id(left: Received, now: datetime) -> Delivery:
    """Read what `id_alone` has left."""
    if left.value is None:
        raise IllFormed("no id")
    return Delivery(new_id(), "/laurel/issuer", now, change(), None)


async def everything(service: Service) -> str:
    """All that stands in the database's tables."""
    tables = await service.rows("select quote_ident(tablename) from pg_tables where schemaname = 'public'")
    found: list[Any] = [await service.rows(f"select t::text from {name} t") for (name,) in tables]
    return repr(found)


async def test_nothing_but_the_excerpt_is_stored_of_what_is_handled_or_cannot_be(
    service: Service, event_log: LogUnderTest
) -> None:
    fails = True

    async def handle(tx: Tx, deliveries: Sequence[Delivery]) -> None:
        if fails:
            raise ValueError("not yet")
        await write_effects(tx, deliveries)

    good, bad = record(change(salt=PLANTED)), record(change(salt=PLANTED), ce_id=None)
    await event_log.publish(good, record(change(salt=PLANTED)))
    await event_log.inject(bad.partition, bad.key, bad.headers, bad.value)
    patience = Retries(attempts=1000, first=0.01, longest=0.01)
    excerpt: dict[str, Any] = {"excerpt": id_alone, "read": read_id}
    consumer = Consumer(service.database, event_log.log, "group", [ISSUER_EVENTS], handle, retries=patience, **excerpt)
    async with running(consumer):
        await becomes(service, 1, HELD, "buried")
        await becomes(service, 2, HELD, "parked")
        assert PLANTED not in await everything(service)
        fails = False
        await becomes(service, 2, EFFECTS)
    held = await everything(service)
    assert PLANTED not in held
    assert PLANTED.encode().hex() not in held, "as bytes"
    assert await service.rows("select key, value from held_records") == [(None, None)]
