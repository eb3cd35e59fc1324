"""Webhooks against a receiver that behaves well, badly, or not at all."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.notifier import handlers
from services.notifier.domain import SCHEDULE
from services.notifier.sender import LEASE, PER_TARGET
from services.notifier.store.ledger import deliveries as ledger
from services.notifier.webhooks import MAX_RESPONSE_BYTES
from shared import telemetry
from shared.ids import new_id
from shared.web.auth import NOBODY, Principal
from tests.integration.notifier.builders import PERSONAL, Badge
from tests.integration.notifier.conftest import Notifier
from tests.integration.notifier.receiver import Receiver, hangs, receiving, says
from tests.support.poll import eventually

OPERATOR = Principal("operator", NOBODY, "operator", frozenset())
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


async def told(notifier: Notifier, *receivers: Receiver, contact: str | None = None, **issued: Any) -> list[str]:
    """Let one badge's issue be due at an endpoint for each receiver; return the endpoints' secrets."""
    badge = Badge(email=None)
    made = [await notifier.endpoint(badge.institution_id, each.url, contact=contact) for each in receivers]
    await notifier.feed(badge.issued(**issued), badge.recorded(issued.get("traceparent")))
    return [secret for _, secret in made]


async def attempts(notifier: Notifier) -> list[tuple[Any, ...]]:
    return await notifier.rows("select outcome, status, error from attempts order by delivery_id, number")


async def states(notifier: Notifier) -> list[str]:
    return [row[0] for row in await notifier.rows("select state from deliveries where channel = 'webhook' order by id")]


async def sent(notifier: Notifier, **how: Any) -> list[tuple[Any, ...]]:
    """Send what is due; return all attempts."""
    async with notifier.hooking(**how):
        await notifier.settled()
    return await attempts(notifier)


# --- what a receiver gets --------------------------------------------------------------------------------------------


async def test_a_webhook_verifies_with_the_public_package_and_holds_nothing_personal(notifier: Notifier) -> None:
    async with receiving() as receiver:
        [secret] = await told(notifier, receiver)
        assert await sent(notifier) == [("accepted", 204, None)]
    [hook] = receiver.hooks
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


# --- receivers that do not take it -----------------------------------------------------------------------------------


async def test_a_failing_receiver_is_tried_by_the_schedule_then_its_endpoint_is_disabled_and_its_contact_told(
    notifier: Notifier,
) -> None:
    async with receiving(says("500 Broken")) as receiver:
        await told(notifier, receiver, contact="it@north.example")
        ahead = timedelta(0)
        for tries, wait in enumerate(SCHEDULE, 1):
            ahead += wait
            await notifier.move_clock(ahead - timedelta(seconds=4))
            if tries > 1:
                assert len(await sent(notifier)) == tries - 1, "not before its time"
            ahead += wait * 0.1 + timedelta(seconds=4)
            await notifier.move_clock(ahead)
            assert len(await sent(notifier)) == tries
        assert await states(notifier) == ["failed"]
        assert await notifier.value("select disabled_reason from endpoints") == "unreachable"
        async with notifier.mailing():
            await notifier.settled("mail")
    [mail] = [path.read_text() for path in notifier.settings.mail_folder.glob("*.eml")]
    async with notifier.worker.transaction() as tx:
        assert len(await ledger(tx, None, 10)) == 1, "the ledger tells of credentials alone"
    assert "To: it@north.example" in mail
    assert receiver.url in mail
    assert str(await notifier.value("select id from endpoints")) in mail


async def test_410_disables_the_endpoint_at_once_and_what_waits_for_it_is_not_sent(notifier: Notifier) -> None:
    async with receiving(says("410 Gone")) as receiver:
        badge = Badge(email=None)
        endpoint_id, _ = await notifier.endpoint(badge.institution_id, receiver.url)
        await notifier.feed(badge.issued(), badge.recorded())
        assert await sent(notifier) == [("refused", 410, "gone")]
        await notifier.feed(badge.revoked(), badge.recorded_revocation())
        await sent(notifier)
        assert await states(notifier) == ["failed", "failed"]
        assert ("refused", None, "endpoint_disabled") in await attempts(notifier)
        assert len(receiver.hooks) == 1

        receiver.answer = says("200 OK")
        async with notifier.worker.transaction() as tx:
            await handlers.enable(tx, endpoint_id)
        await replayed(notifier)
        await sent(notifier)
        assert await states(notifier) == ["delivered", "delivered"]


async def test_an_endpoint_that_takes_other_messages_is_not_disabled_for_one_it_never_took(notifier: Notifier) -> None:
    async with receiving(says("400 Bad Request")) as receiver:
        await told(notifier, receiver)
        await notifier.value("update deliveries set tries = $1 returning true", len(SCHEDULE) - 1)
        await notifier.value("update endpoints set accepted_at = laurel_clock() + interval '1 second' returning true")
        await sent(notifier)
        assert await states(notifier) == ["failed"]
        assert await notifier.value("select disabled_at from endpoints") is None


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Unavailable"])
async def test_retry_after_holds_back_all_that_goes_to_that_endpoint_and_nothing_else(
    notifier: Notifier, status: str
) -> None:
    async with receiving(says(status, "Retry-After: 900")) as asking, receiving() as other:
        first, second = Badge(email=None), Badge(email=None)
        second.institution_id = first.institution_id
        await notifier.endpoint(first.institution_id, asking.url)
        await notifier.feed(first.issued(), first.recorded())
        await sent(notifier)
        await notifier.endpoint(first.institution_id, other.url)
        await notifier.feed(second.issued(), second.recorded())
        await notifier.move_clock(timedelta(seconds=890))
        await sent(notifier)
        assert (len(asking.hooks), len(other.hooks)) == (1, 1)
        asking.answer = says("204 No Content")
        await notifier.move_clock(timedelta(seconds=1000))
        await sent(notifier)
        assert len(asking.hooks) == 3
        assert await states(notifier) == ["delivered"] * 3


@pytest.mark.parametrize("status", ["502 Bad Gateway", "504 Gateway Timeout"])
async def test_a_gateway_that_finds_nobody_throttles_its_endpoint(notifier: Notifier, status: str) -> None:
    async with receiving(says(status)) as receiver:
        await told(notifier, receiver)
        await sent(notifier)
        await notifier.move_clock(timedelta(seconds=50))
        await sent(notifier)
        assert len(receiver.hooks) == 1
        await notifier.move_clock(timedelta(seconds=70))
        await sent(notifier)
        assert len(receiver.hooks) == 2


async def test_a_redirect_is_a_failure_and_is_not_followed(notifier: Notifier) -> None:
    async with receiving() as target, receiving(says("307 Moved", f"Location: {target.url}")) as receiver:
        await told(notifier, receiver)
        assert await sent(notifier) == [("retry", 307, "redirect")]
        assert target.hooks == []


async def test_an_endless_response_is_cut_and_its_status_counts(notifier: Notifier) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            writer.write(bytes(MAX_RESPONSE_BYTES))
            await writer.drain()
            receiver.bytes_taken += MAX_RESPONSE_BYTES

    async with receiving(endless) as receiver:
        await told(notifier, receiver)
        assert await sent(notifier) == [("accepted", 200, None)]
    assert receiver.bytes_taken < 100 * MAX_RESPONSE_BYTES  # what the sockets' buffers held


async def test_a_receiver_that_never_answers_is_given_up_in_time(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.webhooks.SECONDS", 0.3)
    async with receiving(hangs) as receiver:
        await told(notifier, receiver)
        assert await sent(notifier) == [("retry", None, "timeout")]


async def test_a_response_that_trickles_is_cut_in_time_too(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 Broken\r\nX-Trickle: ")
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.01)

    monkeypatch.setattr("services.notifier.webhooks.SECONDS", 0.3)
    async with receiving(trickle) as receiver:
        await told(notifier, receiver)
        assert await sent(notifier) == [("retry", None, "timeout")]


@pytest.mark.parametrize("garbage", [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 100])
async def test_an_answer_that_is_no_http_is_a_failure(notifier: Notifier, garbage: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)

    async with receiving(answer) as receiver:
        await told(notifier, receiver)
        assert await sent(notifier) == [("retry", None, "connection")]


async def test_an_endpoint_that_resolves_to_a_private_address_at_the_second_look_is_not_connected_to(
    notifier: Notifier,
) -> None:
    """Rebinding: the name was public when it was registered."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def rebinding(_host: str, _port: int) -> list[str]:
        return next(answers)

    async with receiving(says("500 Broken")) as receiver:
        receiver.url = receiver.url.replace("127.0.0.1", "localhost")
        await told(notifier, receiver)
        async with notifier.hooking(resolve=rebinding):
            await notifier.settled()
            await notifier.move_clock(timedelta(seconds=10))
            await eventually(lambda: _count(notifier, 2))
        assert await attempts(notifier) == [("retry", 500, "status"), ("retry", None, "address_refused")]
        assert len(receiver.hooks) == 1


async def test_without_the_setting_this_machine_is_not_connected_to(notifier: Notifier) -> None:
    async with receiving() as receiver:
        await told(notifier, receiver)
        assert await sent(notifier, allow_loopback=False) == [("retry", None, "address_refused")]
        assert receiver.hooks == []


async def test_a_removed_endpoint_is_told_nothing_more(notifier: Notifier) -> None:
    async with receiving() as receiver:
        await told(notifier, receiver)
        async with notifier.worker.transaction() as tx:
            await handlers.remove(tx, await tx.fetchval("select id from endpoints"))
        assert await sent(notifier) == [("refused", None, "endpoint_removed")]
        assert receiver.hooks == []


# --- the sender ------------------------------------------------------------------------------------------------------


async def test_a_slow_receiver_holds_up_nobody_else(notifier: Notifier) -> None:
    async with receiving(hangs) as slow, receiving() as quick:
        tenant = new_id()
        await notifier.endpoint(tenant, slow.url)
        badges = [Badge(tenant, email=None) for _ in range(30)]
        await notifier.feed(*[badge.issued() for badge in badges], *[badge.recorded() for badge in badges])
        await notifier.endpoint(tenant, quick.url)
        more = [Badge(tenant, email=None) for _ in range(30)]
        await notifier.feed(*[badge.issued() for badge in more], *[badge.recorded() for badge in more])
        async with notifier.hooking():
            await eventually(lambda: len(quick.hooks) == 30)
            assert len(slow.hooks) == PER_TARGET


async def test_a_crash_between_sending_and_marking_sends_the_same_message_again_and_counts_it(
    notifier: Notifier,
) -> None:
    async with receiving(hangs) as receiver:
        [secret] = await told(notifier, receiver)
        async with notifier.hooking():
            await eventually(lambda: receiver.hooks)
        receiver.answer = says("200 OK")
        assert await states(notifier) == ["waiting"]
        async with notifier.hooking():
            await notifier.move_clock(LEASE + timedelta(seconds=1))
            await eventually(lambda: len(receiver.hooks) == 2)
            await notifier.settled()
    first, second = receiver.hooks
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert await attempts(notifier) == [("lost", None, None), ("accepted", 200, None)]
    assert await notifier.rows("select state, possibly_doubled from deliveries") == [("delivered", 1)]
    assert secret


async def test_two_senders_share_the_queue_and_send_nothing_twice(notifier: Notifier) -> None:
    async with receiving() as receiver:
        tenant = new_id()
        await notifier.endpoint(tenant, receiver.url)
        badges = [Badge(tenant, email=None) for _ in range(40)]
        await notifier.feed(*[badge.issued() for badge in badges], *[badge.recorded() for badge in badges])
        async with notifier.hooking(), notifier.hooking():
            await notifier.settled()
    assert len(receiver.hooks) == len({hook.headers["webhook-id"] for hook in receiver.hooks}) == 40


async def test_a_sender_that_is_told_to_stop_lets_what_is_under_way_end(notifier: Notifier) -> None:
    hold = asyncio.Event()

    async def patient(writer: asyncio.StreamWriter) -> None:
        await hold.wait()
        await says("200 OK")(writer)

    async with receiving(patient) as receiver:
        await told(notifier, receiver)
        async with notifier.hooking():
            await eventually(lambda: receiver.hooks)
            asyncio.get_running_loop().call_later(0.2, hold.set)
        assert await attempts(notifier) == [("accepted", 200, None)]


async def test_what_is_older_than_48_hours_waits_for_an_operators_word(notifier: Notifier) -> None:
    async with receiving() as receiver:
        await told(notifier, receiver, time=datetime.now(UTC) - timedelta(hours=49))
        assert await sent(notifier) == []
        assert await states(notifier) == ["stale"]
        await replayed(notifier)
        assert await sent(notifier) == [("accepted", 204, None)]
        assert await states(notifier) == ["delivered"]


async def test_a_sender_that_was_down_for_days_sends_nothing_old_by_itself(notifier: Notifier) -> None:
    async with receiving() as receiver:
        await told(notifier, receiver)
        await notifier.move_clock(timedelta(hours=47))
        fresh = Badge(email=None)
        await notifier.endpoint(fresh.institution_id, receiver.url)
        await notifier.feed(fresh.issued(datetime.now(UTC) + timedelta(hours=47)), fresh.recorded())
        await notifier.move_clock(timedelta(hours=49))
        await sent(notifier)
        assert sorted(await states(notifier)) == ["delivered", "stale"]
    assert [json.loads(hook.body)["data"]["credential_id"] for hook in receiver.hooks] == [str(fresh.id)]


async def replayed(notifier: Notifier) -> None:
    """Have every delivery replayed by an operator."""
    for (delivery_id,) in await notifier.rows("select id from deliveries"):
        async with notifier.worker.transaction() as tx:
            await handlers.replay(tx, OPERATOR, delivery_id)


async def _count(notifier: Notifier, wanted: int) -> bool:
    found: int = await notifier.value("select count(*) from attempts where ended_at is not null")
    return found == wanted
