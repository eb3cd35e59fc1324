"""Mail addresses as endpoints: confirmed before they are told anything, and told as thinly as webhooks."""

import re
from typing import Any

import httpx
import pytest

from shared.ids import new_id
from tests.integration.notifier.builders import PERSONAL, Badge, institution
from tests.integration.notifier.conftest import OWN, Notifier
from tests.integration.notifier.mailing import mailed, outcomes
from tests.support.mailbox import Mailbox, taking_mail
from tests.support.records import delivery

MAIL = "hr@north.example"
LINK = re.compile(rf"{OWN}(/confirm/\S+)")


async def registered(notifier: Notifier, key: dict[str, str], **members: Any) -> dict[str, Any]:
    answer = await notifier.client.post("/v1/endpoints", headers=key, json={"mail": MAIL, **members})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def text(box: Mailbox, index: int = -1) -> str:
    part = box.mails[index].get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def confirmed(notifier: Notifier, box: Mailbox) -> httpx.Response:
    """Follow the link in the last mail and press the button there."""
    await mailed(notifier, box)
    found = LINK.search(text(box))
    assert found is not None
    page = await notifier.client.get(found[1])
    assert "Yes, tell me by mail" in page.text
    return await notifier.client.post(found[1])


async def test_an_address_is_told_nothing_before_its_reader_has_said_yes(notifier: Notifier) -> None:
    badge = Badge(email=None)
    await notifier.keep(delivery(institution(badge.institution_id)))
    async with taking_mail() as box, notifier.serving(notifier_url=OWN):
        key = await notifier.key(badge.institution_id)
        made = await registered(notifier, key)
        await notifier.feed(badge.issued(), badge.recorded())
        await mailed(notifier, box)
        assert [mail["Subject"] for mail in box.mails] == ["Do you want to be told of badges by mail?"]
        assert "North Academy" in text(box)
        assert made["state"] == "unconfirmed"
        assert made["secret"] is None
        assert (made["mail"], made["url"]) == (MAIL, f"mailto:{MAIL}")

        assert (await confirmed(notifier, box)).status_code == 200
        shown = await notifier.client.get(f"/v1/endpoints/{made['id']}", headers=key)
        assert shown.json()["state"] == "enabled"
        await notifier.feed(badge.revoked(), badge.recorded_revocation())
        await mailed(notifier, box)
    assert box.mails[-1]["Subject"] == "A badge was revoked"
    assert box.mails[-1]["X-Envelope-To"] == MAIL
    assert str(badge.id) in text(box)
    assert not any(planted in text(box) for planted in PERSONAL)


async def test_opening_the_page_confirms_nothing(notifier: Notifier) -> None:
    async with taking_mail() as box, notifier.serving(notifier_url=OWN):
        await registered(notifier, await notifier.key(new_id()))
        await mailed(notifier, box)
        found = LINK.search(text(box))
        assert found is not None
        await notifier.client.get(found[1])
    assert await notifier.value("select confirmed_at from endpoints") is None


async def test_a_link_that_is_edited_or_too_old_or_of_a_removed_endpoint_confirms_nothing(notifier: Notifier) -> None:
    async with taking_mail() as box, notifier.serving(notifier_url=OWN):
        await registered(notifier, await notifier.key(new_id()))
        await mailed(notifier, box)
        found = LINK.search(text(box))
        assert found is not None
        edited = found[1][:-1] + ("A" if found[1][-1] != "A" else "B")
        for path in (edited, "/confirm/x", "/confirm/" + "A" * 5000, "/confirm/%00", "/confirm/ü"):
            assert (await notifier.client.post(path)).status_code == 404
        await notifier.value("update endpoints set created_at = created_at - interval '8 days' returning true")
        assert (await notifier.client.post(found[1])).status_code == 404
        await notifier.value("delete from endpoints returning true")
        assert (await notifier.client.post(found[1])).status_code == 404


async def test_an_address_is_asked_once_in_a_while_however_often_it_is_given(notifier: Notifier) -> None:
    async with taking_mail() as box, notifier.serving(notifier_url=OWN):
        for _ in range(5):
            key = await notifier.key(new_id())
            await registered(notifier, key)
        await mailed(notifier, box)
    assert len(box.mails) == 1
    assert sorted(error or "" for _, _, error in await outcomes(notifier)) == ["", *["told_already"] * 4]


async def test_what_comes_of_it_does_not_tell_whether_there_are_badges_of_the_address(notifier: Notifier) -> None:
    badge = Badge(email=MAIL)
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail() as box, notifier.serving(notifier_url=OWN):
        await mailed(notifier, box)
        assert (await notifier.client.post("/v1/my-links", json={"email": MAIL})).status_code == 202
        await mailed(notifier, box)
        await registered(notifier, await notifier.key(new_id()))
        await mailed(notifier, box)
    assert len(box.mails) == 3
    assert {error for _, _, error in await outcomes(notifier)} == {None}


@pytest.mark.parametrize(
    "body",
    [
        {}, {"mail": MAIL, "url": "https://a.example/"}, {"mail": f"{MAIL}\r\nBcc: x@y.example"}, {"mail": "x"},
        {"mail": f"{MAIL}, b@c.example"}, {"mail": "mailto:a@b.example"}, {"url": f"mailto:{MAIL}"},
    ],
)  # fmt: skip
async def test_what_is_not_one_place_is_refused(notifier: Notifier, body: dict[str, Any]) -> None:
    async with notifier.serving(notifier_url=OWN):
        answer = await notifier.client.post("/v1/endpoints", headers=await notifier.key(new_id()), json=body)
    assert answer.status_code == 422
    assert await notifier.value("select count(*) from endpoints") == 0


async def test_events_are_filtered_as_for_webhooks_and_a_test_comes_by_mail(notifier: Notifier) -> None:
    badge = Badge(email=None)
    async with taking_mail() as box, notifier.serving(notifier_url=OWN):
        key = await notifier.key(badge.institution_id)
        made = await registered(notifier, key, events=["credential.revoked"])
        path = f"/v1/endpoints/{made['id']}/test"
        early = await notifier.client.post(path, headers=key)
        await confirmed(notifier, box)
        await notifier.feed(badge.issued(), badge.recorded())
        tested = await notifier.client.post(path, headers=key)
        again = await notifier.client.post(path, headers=key)
        await mailed(notifier, box)
    assert (early.status_code, early.json()["code"]) == (409, "endpoint_unconfirmed")
    assert (tested.status_code, tested.json()["endpoint_id"]) == (202, made["id"])
    assert (again.status_code, again.json()["code"]) == (409, "test_under_way")
    assert [mail["Subject"] for mail in box.mails[1:]] == ["A test of your endpoint"]
