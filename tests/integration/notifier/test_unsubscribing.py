"""Addresses that bounced, and readers who want no more: neither is written to, and the badge itself still comes."""

from datetime import timedelta
from hashlib import sha256

import pytest

from shared.ids import new_id
from tests.integration.notifier.builders import EMAIL, Badge
from tests.integration.notifier.conftest import OWN, Notifier
from tests.integration.notifier.mailing import mailed, outcomes
from tests.integration.notifier.test_mail import Moody
from tests.support.mailbox import Mailbox, taking_mail

DIGEST = sha256(EMAIL.encode()).hexdigest()


async def revoked(notifier: Notifier, badge: Badge) -> None:
    await notifier.feed(badge.issued(), badge.recorded(), badge.revoked(), badge.recorded_revocation())


def place(box: Mailbox, subject: str) -> str:
    """The path that the mail of this subject names to unsubscribe at."""
    [mail] = [each for each in box.mails if subject in each["Subject"]]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail["List-Unsubscribe"].strip("<>").replace(" ", "")
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        assert link in part.get_content()
    return str(link.removeprefix(OWN))


async def test_one_click_stops_what_is_not_necessary_and_the_badge_itself_still_comes(notifier: Notifier) -> None:
    badge, other = Badge(), Badge()
    async with taking_mail() as box, notifier.serving():
        await revoked(notifier, badge)
        await mailed(notifier, box)
        [issue] = [mail for mail in box.mails if "awarded" in mail["Subject"]]
        assert "List-Unsubscribe" not in issue
        path = place(box, "revoked")
        answer = await notifier.client.post(path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        box.mails.clear()
        for each in (Badge(badge.institution_id), other):
            await revoked(notifier, each)
        await mailed(notifier, box)
    assert sorted("awarded" in mail["Subject"] for mail in box.mails) == [False, True, True]
    assert ("refused", None, "unsubscribed") in await outcomes(notifier)


async def test_opening_the_page_changes_nothing_and_what_was_stopped_can_be_had_again(notifier: Notifier) -> None:
    badge = Badge()
    async with taking_mail() as box, notifier.serving():
        await revoked(notifier, badge)
        await mailed(notifier, box)
        path = place(box, "revoked")
        count = "select count(*) from suppressions"
        assert "Stop these mails" in (await notifier.client.get(path)).text
        assert await notifier.value(count) == 0
        await notifier.client.post(path)
        await notifier.client.post(path)
        assert await notifier.value(count) == 1
        assert "Get these mails again" in (await notifier.client.get(path)).text
        assert (await notifier.client.post(f"{path}/undo")).status_code == 200
        assert await notifier.value(count) == 0


@pytest.mark.parametrize("path", ["x", "A" * 200, "A" * 5000, "%00", "ü", "a.b.c"])
async def test_a_forged_link_is_404_and_names_nobody(notifier: Notifier, path: str) -> None:
    async with notifier.serving():
        for answer in (
            await notifier.client.get(f"/unsubscribe/{path}"),
            await notifier.client.post(f"/unsubscribe/{path}"),
            await notifier.client.post(f"/unsubscribe/{path}/undo"),
        ):
            assert answer.status_code == 404


async def test_it_still_works_after_the_learner_was_erased(notifier: Notifier) -> None:
    badge = Badge()
    async with taking_mail() as box, notifier.serving():
        await revoked(notifier, badge)
        await mailed(notifier, box)
        await notifier.value("delete from recipients returning true")
        assert (await notifier.client.post(place(box, "revoked"))).status_code == 200


async def test_a_mailbox_that_there_is_not_is_not_tried_again_by_this_tenant_until_it_says_so(
    notifier: Notifier,
) -> None:
    badge, other = Badge(), Badge()
    async with taking_mail(Moody) as box, notifier.serving():
        box.recipient = "550 5.1.1 Nobody of that name"
        await notifier.feed(badge.issued(), badge.recorded())
        await mailed(notifier, box)
        box.recipient = "250 OK"
        again = Badge(badge.institution_id)
        await notifier.feed(again.issued(), again.recorded(), other.issued(), other.recorded())
        await mailed(notifier, box)
        assert len(box.mails) == 1, "another institution's mail is sent"
        assert ("refused", None, "suppressed") in await outcomes(notifier)

        key, stranger = await notifier.key(badge.institution_id), await notifier.key(new_id())
        get, delete = notifier.client.get, notifier.client.delete
        [found] = (await get(f"/v1/suppressions?address_sha256={DIGEST}", headers=key)).json()["items"]
        assert (found["reason"], found["status"], found["address_sha256"]) == ("bounced", 550, DIGEST)
        assert (await get("/v1/suppressions", headers=stranger)).json()["items"] == []
        assert (await delete(f"/v1/suppressions/{found['id']}", headers=stranger)).status_code == 404
        assert (await delete(f"/v1/suppressions/{found['id']}", headers=key)).status_code == 204
        third = Badge(badge.institution_id)
        await notifier.feed(third.issued(), third.recorded())
        await mailed(notifier, box)
    assert len(box.mails) == 2


@pytest.mark.parametrize("reply", ["550 5.7.1 Blocked", "452 4.2.2 Full", "554 5.3.4 Too big", "421 4.3.2 Down"])
async def test_other_refusals_suppress_nobody(notifier: Notifier, reply: str) -> None:
    badge = Badge()
    async with taking_mail(Moody) as box:
        box.recipient = reply
        await notifier.feed(badge.issued(), badge.recorded())
        await mailed(notifier, box)
    assert await notifier.value("select count(*) from suppressions") == 0


async def test_what_a_reader_has_said_the_tenant_does_not_take_back(notifier: Notifier) -> None:
    badge = Badge()
    async with taking_mail() as box, notifier.serving():
        await revoked(notifier, badge)
        await mailed(notifier, box)
        await notifier.client.post(place(box, "revoked"))
        key = await notifier.key(badge.institution_id)
        [found] = (await notifier.client.get("/v1/suppressions", headers=key)).json()["items"]
        answer = await notifier.client.delete(f"/v1/suppressions/{found['id']}", headers=key)
    assert (answer.status_code, answer.json()["code"]) == (409, "reader_unsubscribed")
    assert await notifier.value("select count(*) from suppressions") == 1


async def test_german_mails_are_german_to_the_end(notifier: Notifier) -> None:
    badge = Badge()
    async with taking_mail() as box, notifier.serving():
        key = await notifier.key(badge.institution_id)
        put = await notifier.client.put("/v1/mail-settings", headers=key, json={"language": "de"})
        assert put.json() == {"language": "de", "languages": ["de", "en"]}
        unknown = await notifier.client.put("/v1/mail-settings", headers=key, json={"language": "tlh"})
        assert (unknown.status_code, unknown.json()["code"]) == (422, "language_not_known")
        assert (await notifier.client.get("/v1/mail-settings", headers=key)).json()["language"] == "de"
        await revoked(notifier, badge)
        await notifier.move_clock(timedelta(seconds=1))
        await mailed(notifier, box)
    assert {mail["Subject"].split()[-1] for mail in box.mails} == {"verliehen", "widerrufen"}
    for mail in box.mails:
        part = mail.get_body(("html",))
        assert part is not None
        assert '<html lang="de"' in part.get_content()
        assert "Whoever" not in part.get_content()
    [issue] = [mail for mail in box.mails if "verliehen" in mail["Subject"]]
    text = issue.get_body(("plain",))
    assert text is not None
    assert "1. Januar 2028" in text.get_content()
