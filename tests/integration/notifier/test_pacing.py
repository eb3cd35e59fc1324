"""Mails at a pace that several senders share: late, never lost, and never more than is agreed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from services.notifier.mail import Mails
from services.notifier.pace import Pace
from services.notifier.post import SmtpPost
from services.notifier.sender import Sender
from services.notifier.store import pacing, queue
from services.notifier.store.queue import Busy
from shared.ids import new_id
from tests.integration.notifier.builders import Badge
from tests.integration.notifier.conftest import PLACES, Notifier
from tests.integration.notifier.owners import gone, mail_endpoint
from tests.support.mailbox import Mailbox, taking_mail

NARROW = Pace(to_address=3, to_domain=1000, domain_at_once=8)


@asynccontextmanager
async def senders(notifier: Notifier, box: Mailbox, pace: Pace, count: int) -> AsyncIterator[None]:
    post = SmtpPost.from_url(f"smtp://127.0.0.1:{box.port}")
    channel = Mails(notifier.worker, post, notifier.settings.mail_from, PLACES, notifier.sealer)
    tasks = [asyncio.create_task(Sender(notifier.worker, channel, 4, pace=pace).run()) for _ in range(count)]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def due(notifier: Notifier, *emails: str) -> None:
    badges = [Badge(email=email) for email in emails]
    await notifier.feed(*[badge.issued() for badge in badges], *[badge.recorded() for badge in badges])


async def test_senders_together_keep_to_an_addresss_pace_and_the_rest_comes_later(notifier: Notifier) -> None:
    await due(notifier, *["ada@learner.example"] * 6, *["Ada@Learner.Example"] * 2, "bob@learner.example")
    async with taking_mail() as box:
        async with senders(notifier, box, NARROW, 3):
            await notifier.settled("mail")
        assert len(box.to("bob@learner.example")) == 1
        assert len(box.mails) == 4
        for minutes in range(21, 1000, 20):
            await notifier.move_clock(timedelta(minutes=minutes))
            async with senders(notifier, box, NARROW, 3):
                await notifier.settled("mail")
            if len(box.mails) == 9:
                break
    assert minutes < 200
    assert await notifier.value("select count(*) from attempts") == 9, "what waited was not tried"


async def test_a_domains_pace_is_kept_and_each_mail_is_touched_once(notifier: Notifier) -> None:
    await due(notifier, *(f"learner{number}@one.example" for number in range(20)), "bob@other.example")
    pace = Pace(to_address=10, to_domain=5, domain_at_once=8)
    async with taking_mail() as box:
        async with senders(notifier, box, pace, 2):
            await notifier.settled("mail")
        assert len(box.mails) == 6
        waits = "select count(distinct due_at) from deliveries where state = 'waiting' and slotted"
        assert await notifier.value(waits) == 15
        await notifier.move_clock(timedelta(minutes=5))
        async with senders(notifier, box, pace, 2):
            await notifier.settled("mail")
        assert len(box.mails) == 21


async def test_a_domain_has_no_more_connections_than_agreed_whoever_sends(notifier: Notifier) -> None:
    open_at_once, most = 0, 0

    class Counting(Mailbox):
        """Counts the mails that are under way at one time."""

        async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
            nonlocal open_at_once, most
            open_at_once += 1
            most = max(most, open_at_once)
            await asyncio.sleep(0.02)
            open_at_once -= 1
            return await super().handle_DATA(server, session, envelope)

    await due(notifier, *(f"learner{number}@one.example" for number in range(12)))
    async with taking_mail(Counting) as box, AsyncExitStack() as stack:
        await stack.enter_async_context(senders(notifier, box, Pace(10, 1000, 2), 3))
        await notifier.settled("mail")
        for seconds in range(2, 60, 2):
            if len(box.mails) == 12:
                break
            await notifier.move_clock(timedelta(seconds=seconds))
            await notifier.settled("mail")
    assert len(box.mails) == 12
    assert most <= 2


async def test_a_mail_for_which_there_is_no_room_keeps_its_slot(notifier: Notifier) -> None:
    await due(notifier, *(f"learner{number}@one.example" for number in range(3)))
    busy = Busy(Counter(), Counter(), per_target=1, per_tenant=1)
    await notifier.value("update deliveries set tenant_id = (select tenant_id from deliveries limit 1) returning true")
    async with notifier.worker.transaction() as tx:
        taken = await queue.claim(tx, "mail", busy, timedelta(minutes=1), 8, NARROW)
    assert taken is not None
    assert len(taken) == 1
    assert await notifier.value("select count(*) from deliveries where slotted and leased_until is null") == 2


async def test_slots_that_are_past_are_forgotten(notifier: Notifier) -> None:
    await due(notifier, "ada@learner.example")
    async with taking_mail() as box, senders(notifier, box, NARROW, 1):
        await notifier.settled("mail")
    assert await notifier.value("select count(*) from mail_pace") == 2
    await notifier.move_clock(timedelta(hours=2))
    async with notifier.worker.transaction() as tx:
        await pacing.forget_old(tx)
    assert await notifier.value("select count(*) from mail_pace") == 0


async def test_notices_to_a_mail_endpoint_about_others_keep_to_its_address_pace(notifier: Notifier) -> None:
    tenant = new_id()
    await mail_endpoint(notifier, tenant, "hr@north.example")
    for _ in range(NARROW.to_address + 1):
        await gone(notifier, tenant)
    async with taking_mail() as box, senders(notifier, box, NARROW, 1):
        await notifier.settled("mail")
    assert len(box.mails) == NARROW.to_address
