"""Mail addresses that are endpoints and take no more mail: disabled as webhooks are, and enabled again to be told."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from services.notifier.domain import SCHEDULE
from shared.ids import new_id
from tests.integration.notifier.builders import Badge
from tests.integration.notifier.conftest import Notifier
from tests.integration.notifier.mailing import mailed, outcomes
from tests.integration.notifier.owners import (
    CONTACT,
    DISABLED,
    ENABLED,
    FIRST,
    SECOND,
    gone,
    mail_endpoint,
    said,
    suppress,
    told,
)
from tests.integration.notifier.test_replaying import replay
from tests.support.mailbox import Mailbox, taking_mail

NOBODY = "550 5.1.1 Nobody of that name"
STATE = "select disabled_reason, disabled_at is not null from endpoints where url = $1"


@dataclass
class Answering(Mailbox):
    """A mailbox that refuses some recipients, each with a reply of its own."""

    replies: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802  # aiosmtpd's name
        if address not in self.replies:
            envelope.rcpt_tos.append(address)
        return self.replies.get(address, "250 OK")


async def happens(notifier: Notifier, badge: Badge) -> None:
    await notifier.feed(badge.issued(), badge.recorded())


async def state(notifier: Notifier, address: str = FIRST) -> tuple[Any, ...]:
    [row] = await notifier.rows(STATE, f"mailto:{address}")
    return tuple(row)


async def test_an_address_that_bounces_is_disabled_its_owner_told_and_enabling_it_lets_it_be_told_again(
    notifier: Notifier,
) -> None:
    badge = Badge(email=None)
    endpoint_id = await mail_endpoint(notifier, badge.institution_id, FIRST, contact=CONTACT)
    async with taking_mail(Answering) as box, notifier.serving():
        key = await notifier.key(badge.institution_id)
        box.replies[FIRST] = NOBODY
        await happens(notifier, badge)
        await mailed(notifier, box)
        assert await state(notifier) == ("gone", True)
        assert told(box) == [(CONTACT, DISABLED)]
        assert f"sending to {FIRST} Its mail server said that nobody reads there." in said(box.mails[0])

        box.replies.clear()
        box.mails.clear()
        answer = await notifier.client.post(f"/v1/endpoints/{endpoint_id}/enable", headers=key)
        assert answer.json()["state"] == "enabled"
        assert (await notifier.client.get("/v1/suppressions", headers=key)).json()["items"] == []
        assert (await replay(notifier, key, endpoint_id=str(endpoint_id))).json()["replayed"] == 1
        await mailed(notifier, box)
    assert told(box) == [(FIRST, "A badge was issued"), (CONTACT, ENABLED)]


async def test_one_that_bounces_again_is_disabled_again_and_its_owner_told_again(notifier: Notifier) -> None:
    badge = Badge(email=None)
    endpoint_id = await mail_endpoint(notifier, badge.institution_id, FIRST, contact=CONTACT)
    async with taking_mail(Answering) as box, notifier.serving():
        key = await notifier.key(badge.institution_id)
        box.replies[FIRST] = NOBODY
        for each in (badge, Badge(badge.institution_id, email=None)):
            await notifier.client.post(f"/v1/endpoints/{endpoint_id}/enable", headers=key)
            await happens(notifier, each)
            await mailed(notifier, box)
    assert await state(notifier) == ("gone", True)
    assert told(box).count((CONTACT, DISABLED)) == 2


async def test_two_mails_that_bounce_tell_its_owner_once(notifier: Notifier) -> None:
    tenant = new_id()
    await mail_endpoint(notifier, tenant, FIRST, contact=CONTACT)
    async with taking_mail(Answering) as box:
        box.replies[FIRST] = NOBODY
        for _ in range(2):
            await happens(notifier, Badge(tenant, email=None))
        await mailed(notifier, box)
    assert told(box) == [(CONTACT, DISABLED)]


async def test_a_contact_at_the_address_that_bounced_is_none(notifier: Notifier) -> None:
    badge = Badge(email=None)
    await mail_endpoint(notifier, badge.institution_id, FIRST, contact=FIRST)
    await mail_endpoint(notifier, badge.institution_id, SECOND, ["watch.changed"])
    async with taking_mail(Answering) as box:
        box.replies[FIRST] = NOBODY
        await happens(notifier, badge)
        await mailed(notifier, box)
    assert told(box) == [(SECOND, DISABLED)]


async def test_an_address_that_bounced_by_another_mail_is_disabled_when_it_is_next_to_be_told(
    notifier: Notifier,
) -> None:
    learners = Badge(email=FIRST)
    async with taking_mail(Answering) as box:
        box.replies[FIRST] = NOBODY
        await happens(notifier, learners)
        await mailed(notifier, box)
        await mail_endpoint(notifier, learners.institution_id, FIRST, contact=CONTACT)
        await happens(notifier, Badge(learners.institution_id, email=None))
        await mailed(notifier, box)
    assert ("refused", None, "suppressed") in await outcomes(notifier)
    assert await state(notifier) == ("gone", True)
    assert told(box) == [(CONTACT, DISABLED)]


async def test_a_notice_that_bounces_disables_the_endpoint_that_it_went_to_and_no_other(notifier: Notifier) -> None:
    tenant = new_id()
    for address in (FIRST, SECOND, "third@north.example"):
        await mail_endpoint(notifier, tenant, address)
    hook = await gone(notifier, tenant)
    async with taking_mail(Answering) as box:
        box.replies[FIRST] = NOBODY
        await mailed(notifier, box)
    disabled = await notifier.rows("select url from endpoints where disabled_at is not null and id <> $1", hook)
    assert [url for (url,) in disabled] == [f"mailto:{FIRST}"]
    assert told(box) == [(SECOND, DISABLED)] * 2 + [("third@north.example", DISABLED)] * 2


async def test_where_the_contact_bounces_by_the_notice_itself_the_others_are_told(notifier: Notifier) -> None:
    tenant = new_id()
    await mail_endpoint(notifier, tenant, FIRST, ["watch.changed"])
    await gone(notifier, tenant, CONTACT)
    async with taking_mail(Answering) as box:
        box.replies[CONTACT] = NOBODY
        await mailed(notifier, box)
    assert told(box) == [(FIRST, DISABLED)]


async def test_a_contact_or_a_learner_that_bounces_disables_nothing(notifier: Notifier) -> None:
    badge = Badge()
    await mail_endpoint(notifier, badge.institution_id, FIRST, contact=CONTACT)
    hook = await gone(notifier, badge.institution_id, CONTACT)
    await happens(notifier, badge)
    async with taking_mail(Answering) as box:
        box.replies |= {CONTACT: NOBODY, str(badge.email): NOBODY}
        await mailed(notifier, box)
    assert [row[0] for row in await notifier.rows("select id from endpoints where disabled_at is not null")] == [hook]
    assert await notifier.value("select count(*) from suppressions") == 2


async def test_an_address_that_is_not_confirmed_stays_so_when_it_bounces(notifier: Notifier) -> None:
    await notifier.endpoint(new_id(), f"mailto:{FIRST}", contact=CONTACT)
    async with taking_mail(Answering) as box:
        box.replies[FIRST] = NOBODY
        await mailed(notifier, box)
    assert await state(notifier) == (None, False)
    assert box.mails == []


async def test_enabling_does_not_take_back_what_the_reader_has_said(notifier: Notifier) -> None:
    tenant = new_id()
    endpoint_id = await mail_endpoint(notifier, tenant, FIRST)
    for reason in ("bounced", "unsubscribed"):
        await suppress(notifier, tenant, FIRST, reason)
        await suppress(notifier, new_id(), FIRST, reason)
    async with notifier.serving():
        await notifier.client.post(f"/v1/endpoints/{endpoint_id}/enable", headers=await notifier.key(tenant))
    left = await notifier.rows("select reason from suppressions where tenant_id = $1", tenant)
    assert [reason for (reason,) in left] == ["unsubscribed"]
    assert await notifier.value("select count(*) from suppressions") == 3


@pytest.mark.parametrize("reply", ["450 4.2.1 Later", "452 4.2.2 Full"])
async def test_what_takes_no_mail_over_a_whole_schedule_is_disabled_as_webhooks_are(
    notifier: Notifier, reply: str
) -> None:
    badge = Badge(email=None)
    await mail_endpoint(notifier, badge.institution_id, FIRST, contact=CONTACT)
    await happens(notifier, badge)
    await notifier.value("update deliveries set tries = $1 returning id", len(SCHEDULE) - 1)
    async with taking_mail(Answering) as box:
        box.replies[FIRST] = reply
        await mailed(notifier, box)
    assert await state(notifier) == ("unreachable", True)
    assert told(box) == [(CONTACT, DISABLED)]
    assert "It took no message for more than three days." in said(box.mails[0])
    assert await notifier.value("select count(*) from suppressions") == 0


async def test_one_that_takes_other_mails_is_not_disabled_for_one_that_it_never_took(notifier: Notifier) -> None:
    tenant = new_id()
    await mail_endpoint(notifier, tenant, FIRST)
    await happens(notifier, Badge(tenant, email=None))
    held = await notifier.value("update deliveries set due_at = due_at + interval '1 hour' returning id")
    await happens(notifier, Badge(tenant, email=None))
    async with taking_mail(Answering) as box:
        await mailed(notifier, box)
        assert len(box.mails) == 1
        last = "update deliveries set due_at = laurel_clock(), tries = $2 where id = $1 returning id"
        await notifier.value(last, held, len(SCHEDULE) - 1)
        box.replies[FIRST] = "450 4.2.1 Later"
        await mailed(notifier, box)
    assert await notifier.value("select state from deliveries where id = $1", held) == "failed"
    assert await state(notifier) == (None, False)


@pytest.mark.parametrize("reply", ["550 5.7.1 Blocked", "554 5.3.4 Too big"])
async def test_a_refusal_that_is_no_bounce_disables_nothing(notifier: Notifier, reply: str) -> None:
    badge = Badge(email=None)
    await mail_endpoint(notifier, badge.institution_id, FIRST)
    await happens(notifier, badge)
    async with taking_mail(Answering) as box:
        box.replies[FIRST] = reply
        await mailed(notifier, box)
    assert await state(notifier) == (None, False)


async def test_a_mail_server_of_ours_that_is_down_disables_nobody(notifier: Notifier) -> None:
    badge = Badge(email=None)
    await mail_endpoint(notifier, badge.institution_id, FIRST)
    await happens(notifier, badge)
    await notifier.value("update deliveries set tries = $1 returning id", len(SCHEDULE) - 1)
    async with taking_mail() as box:
        pass
    await mailed(notifier, box)
    assert await outcomes(notifier) == [("retry", None, "connection")]
    assert await notifier.value("select state from deliveries") == "failed"
    assert await state(notifier) == (None, False)
