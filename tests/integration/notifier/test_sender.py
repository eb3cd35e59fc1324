"""The sender: fair among receivers, twice rather than never, nothing old by itself."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from services.notifier.sender import LEASE, PER_TARGET
from shared.ids import new_id
from tests.integration.notifier.builders import Badge
from tests.integration.notifier.conftest import PER_TENANT, Notifier
from tests.integration.notifier.receiver import hangs, receiving, says
from tests.integration.notifier.telling import attempts, replayed, sent, states, told
from tests.support.poll import eventually


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


async def test_a_tenant_whose_endpoints_all_hang_holds_up_no_other_tenant(notifier: Notifier) -> None:
    async with receiving(hangs) as slow, receiving() as quick:
        tenant, other = new_id(), new_id()
        for _ in range(8):
            await notifier.endpoint(tenant, slow.url)
        await notifier.endpoint(other, quick.url)
        badges = [*(Badge(tenant, email=None) for _ in range(30)), *(Badge(other, email=None) for _ in range(5))]
        await notifier.feed(*[badge.issued() for badge in badges], *[badge.recorded() for badge in badges])
        async with notifier.hooking():
            await eventually(lambda: len(quick.hooks) == 5)
            assert len(slow.hooks) <= PER_TENANT


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
