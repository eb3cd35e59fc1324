"""What a webhook's receiver gets: signed, without anything personal, the same at every attempt."""

from datetime import timedelta
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.notifier import handlers
from shared import telemetry
from shared.ids import new_id
from tests.integration.notifier.builders import PERSONAL
from tests.integration.notifier.conftest import Notifier
from tests.integration.notifier.receiver import receiving, says
from tests.integration.notifier.telling import replayed, sent, told

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


async def test_a_webhook_verifies_with_the_public_package_and_holds_nothing_personal(notifier: Notifier) -> None:
    async with receiving() as receiver:
        [secret] = await told(notifier, receiver)
        assert await sent(notifier) == [("accepted", 204, None)]
    [hook] = receiver.hooks
    assert hook.headers["webhook-timestamp"].isdecimal()
    assert "." not in hook.headers["webhook-id"]
    payload = Webhook(secret).verify(hook.body, hook.headers)
    assert payload["type"] == "credential.issued"
    assert payload["data"]["status"] == "issued"
    assert payload["data"]["version"] == 1
    assert not any(planted in hook.body.decode() for planted in PERSONAL)


async def test_an_edited_webhook_an_old_one_and_anothers_secret_do_not_verify(notifier: Notifier) -> None:
    async with receiving() as receiver:
        [secret] = await told(notifier, receiver)
        await sent(notifier)
    [hook] = receiver.hooks
    at = int(hook.headers["webhook-timestamp"])
    later = {**hook.headers, "webhook-timestamp": str(at + 1)}
    old = {**hook.headers, "webhook-timestamp": str(at - 3600)}
    other = {**hook.headers, "webhook-id": "msg_other"}
    for body, headers in [
        (hook.body.replace(b"issued", b"revoked"), hook.headers),
        (hook.body, later),
        (hook.body, old),
        (hook.body, other),
    ]:
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)
    _, another = await notifier.endpoint(new_id(), receiver.url)
    with pytest.raises(WebhookVerificationError):
        Webhook(another).verify(hook.body, hook.headers)


async def test_an_hours_old_replay_is_refused_even_with_its_own_signature(notifier: Notifier) -> None:
    async with receiving() as receiver:
        [secret] = await told(notifier, receiver)
        await notifier.move_clock(-timedelta(hours=1))
        await notifier.value("update deliveries set due_at = due_at - interval '1 hour' returning true")
        await sent(notifier)
    [hook] = receiver.hooks
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(hook.body, hook.headers)


async def test_during_a_rotation_both_secrets_verify_and_afterwards_the_new_one_alone(notifier: Notifier) -> None:
    async with receiving() as receiver:
        [old] = await told(notifier, receiver)
        endpoint_id: UUID = await notifier.value("select id from endpoints")
        async with notifier.worker.transaction() as tx:
            _, new = await handlers.rotate(tx, endpoint_id, notifier.sealer)
        await sent(notifier)
        await replayed(notifier)
        await notifier.value("update endpoints set previous_until = laurel_clock() returning true")
        await sent(notifier)
    during, after = receiver.hooks
    for secret in (old, new):
        Webhook(secret).verify(during.body, during.headers)
    Webhook(new).verify(after.body, after.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(after.body, after.headers)


async def test_a_message_keeps_its_id_over_retries_and_replays(notifier: Notifier) -> None:
    async with receiving(says("500 Broken")) as receiver:
        await told(notifier, receiver)
        await sent(notifier)
        receiver.answer = says("200 OK")
        await notifier.move_clock(timedelta(seconds=10))
        await sent(notifier)
        await replayed(notifier)
        await sent(notifier)
    assert len(receiver.hooks) == 3
    assert len({hook.headers["webhook-id"] for hook in receiver.hooks}) == 1
    assert len({hook.body for hook in receiver.hooks}) == 1


async def test_the_request_carries_the_trace_of_the_event(notifier: Notifier) -> None:
    telemetry.configure("notifier", None)
    async with receiving() as receiver:
        await told(notifier, receiver, traceparent=TRACE)
        await sent(notifier)
    trace_id, span_id = receiver.hooks[0].headers["traceparent"].split("-")[1:3]
    assert trace_id == "a" * 32
    assert span_id != "b" * 16
