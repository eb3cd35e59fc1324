"""From one service's transaction to another's effect: nothing lost, nothing doubled, in order."""

import asyncio

from shared.ids import new_id
from shared.messaging.events import ISSUER_EVENTS
from shared.messaging.inbox import Consumer
from tests.integration.messaging.builders import change
from tests.integration.messaging.conditions import EFFECTS, UNSENT, becomes
from tests.integration.messaging.conftest import MakeService, running, write_effects
from tests.integration.messaging.logs import LogUnderTest


async def test_what_sixteen_writers_commit_takes_effect_once_and_in_the_order_of_each_key(
    make_service: MakeService, event_log: LogUnderTest
) -> None:
    sender, receiver = await make_service(), await make_service()
    writers, versions = 16, 25

    async def write() -> None:
        credential_id = new_id()
        for version in range(2, 2 + versions):
            await sender.emit(change(credential_id, version))

    relay = sender.relay(await event_log.log.publisher())
    consumer = Consumer(receiver.database, event_log.log, "group", [ISSUER_EVENTS], write_effects)
    async with running(relay, consumer):
        await asyncio.gather(*[write() for _ in range(writers)])
        await becomes(receiver, writers * versions, EFFECTS)
        await becomes(sender, 0, UNSENT)
    orders = await receiver.rows("select array_agg(version order by n) from effects group by key")
    assert orders == [(list(range(2, 2 + versions)),)] * writers
