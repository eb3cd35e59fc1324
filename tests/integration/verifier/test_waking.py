"""Each commit that leaves the verifier's workers work wakes them: they find it though they never look by themselves."""

import pytest

from services.verifier.store.watches import WATCHER
from shared.messaging.outbox import RELAY
from tests.integration.verifier.builders import Institution
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.test_watching import has_told, is_at_rest, is_known
from tests.integration.verifier.watching import changed, told_all, watch
from tests.support.poll import eventually
from tests.support.records import beats, delivery
from tests.support.resting import Sleepers


async def test_a_new_watch_is_looked_at_and_its_change_told_when_it_comes(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers, oak = Sleepers(monkeypatch, RELAY, WATCHER), Institution()
    state = told_all(oak, oak.badge())
    await verifier.publish(*map(delivery, [oak.state(), oak.key_state(), state]), *beats())
    async with verifier.serving("all"):
        employer = await verifier.employer()
        await eventually(lambda: is_known(verifier, state))
        await eventually(lambda: is_at_rest(verifier))
        await workers.asleep()
        await watch(verifier, employer, state)
        await eventually(lambda: is_at_rest(verifier))
        await workers.asleep()
        await verifier.publish(delivery(changed(state, "revoked")))
        await eventually(lambda: has_told(verifier, 1))
        await eventually(lambda: is_sent(verifier))


async def is_sent(verifier: Verifier) -> bool:
    """Whether nothing is left to tell."""
    return await verifier.rows("select from outbox where sent_at is null") == []
