"""Each commit that leaves the notifier's senders work wakes them: they find it though they never look by themselves."""

import pytest

from services.notifier.store.deliveries import SENDERS
from tests.integration.notifier.builders import Badge
from tests.integration.notifier.conftest import Notifier
from tests.integration.notifier.receiver import receiving
from tests.integration.notifier.test_replaying import replay
from tests.support.poll import eventually
from tests.support.resting import Sleepers
from tests.support.service import OPERATOR


async def test_what_is_to_be_sent_is_sent_after_an_event_a_replay_and_a_request(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers, badge = Sleepers(monkeypatch, SENDERS), Badge(email=None)

    async with receiving() as receiver, notifier.serving("all"):

        async def sent(count: int) -> None:
            await eventually(lambda: len(receiver.hooks) == count)
            await eventually(lambda: all_are_delivered(notifier))
            await workers.asleep()

        endpoint_id, _ = await notifier.endpoint(badge.institution_id, receiver.url)
        key = await notifier.key(badge.institution_id)
        await workers.asleep()
        await notifier.publish(badge.issued(), badge.recorded())
        await sent(1)
        assert (await replay(notifier, key)).json()["replayed"] == 1
        await sent(2)
        [(delivery_id,)] = await notifier.rows("select id from deliveries")
        assert (await notifier.client.post(f"/v1/deliveries/{delivery_id}/replay", headers=OPERATOR)).is_success
        await sent(3)
        assert (await notifier.client.post(f"/v1/endpoints/{endpoint_id}/test", headers=key)).is_success
        await sent(4)
        await notifier.value(
            "update endpoints set contact = 'it@north.example', disabled_at = laurel_clock() returning 1"
        )
        assert (await notifier.client.post(f"/v1/endpoints/{endpoint_id}/enable", headers=key)).is_success
        await eventually(lambda: len(list(notifier.settings.mail_folder.glob("*.eml"))) == 1)
        await sent(4)
        assert (await notifier.client.post("/v1/my-links", json={"email": "ada@learner.example"})).is_success
        await sent(4)


async def all_are_delivered(notifier: Notifier) -> bool:
    """Whether no delivery waits to be sent."""
    return await notifier.rows("select from deliveries where state = 'waiting'") == []
