"""Webhooks against receivers that refuse, redirect, trickle, never answer, or are not there."""

import asyncio
from datetime import timedelta

import pytest

from services.notifier import handlers
from services.notifier.domain import SCHEDULE
from services.notifier.store.ledger import deliveries as ledger
from services.notifier.webhooks import MAX_RESPONSE_BYTES, SECONDS
from tests.integration.notifier.builders import Badge
from tests.integration.notifier.conftest import Notifier
from tests.integration.notifier.receiver import hangs, receiving, says
from tests.integration.notifier.telling import attempts, replayed, sent, states, told
from tests.support.poll import eventually


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
        endpoint_id, _ = await notifier.endpoint(badge.institution_id, receiver.url, contact="it@north.example")
        await notifier.feed(badge.issued(), badge.recorded())
        assert await sent(notifier) == [("refused", 410, "gone")]
        told = "select type, channel from deliveries where target = $1 and channel = 'mail'"
        assert await notifier.rows(told, endpoint_id) == [("endpoint.disabled", "mail")]
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


def test_a_response_is_heard_for_fifteen_seconds_and_64_kilobytes() -> None:
    assert (SECONDS, MAX_RESPONSE_BYTES) == (15, 64 * 1024)


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


async def _count(notifier: Notifier, wanted: int) -> bool:
    found: int = await notifier.value("select count(*) from attempts where ended_at is not null")
    return found == wanted
