"""Each commit that leaves the registry's workers work wakes them: they find it though they never look by themselves."""

import pytest

from services.registry.store.log import LOG_KEEPER
from shared.ids import new_id
from shared.messaging.outbox import RELAY
from tests.integration.registry.builders import Badge, verification
from tests.integration.registry.conftest import Registry
from tests.support.poll import eventually
from tests.support.records import delivery
from tests.support.resting import Sleepers


async def test_what_comes_is_logged_its_place_is_told_and_a_checkpoint_of_it_published(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = Sleepers(monkeypatch, RELAY, LOG_KEEPER)

    async def at_rest(size: int) -> bool:
        """Whether so many leaves are logged and under a checkpoint, and all is told."""
        return await registry.rows(
            "select (select size from log_trees),"
            " (select max(size) from log_checkpoints where published_at is not null),"
            " (select count(*) from outbox where sent_at is null)"
        ) == [(size, size, 0)]

    async with registry.serving("all"):
        await workers.asleep()
        # It is recorded, logged and stored, and nothing is told of it but its place.
        await registry.publish(delivery(verification(new_id(), commitment="c" * 64)))
        await eventually(lambda: at_rest(1))
        await workers.asleep()
        await registry.publish(delivery(Badge().issued()))
        await eventually(lambda: at_rest(2))
