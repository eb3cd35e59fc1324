"""The page on which people ask for their links: the same for everybody, with mistakes shown where they were made."""

import pytest

from tests.integration.notifier.builders import Badge
from tests.integration.notifier.conftest import Notifier
from tests.integration.notifier.mailing import mailed
from tests.support.mailbox import taking_mail

ADA, BOB = "ada@learner.example", "bob@learner.example"
BROWSER = {"Accept": "text/html"}


async def test_the_page_asks_and_answers_everybody_alike(notifier: Notifier) -> None:
    badge = Badge(email=ADA)
    await notifier.feed(badge.issued(), badge.recorded())
    await notifier.rows("delete from deliveries returning id")
    async with notifier.serving():
        form = await notifier.client.get("/my-links", headers=BROWSER)
        known, unknown = [
            await notifier.client.post("/my-links", data={"email": email}, headers=BROWSER) for email in (ADA, BOB)
        ]
    assert form.status_code == 200
    assert '<form method="post" action="/my-links"' in form.text
    assert "If we have badges for this address, a mail with their links is on its way." in known.text
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text) == (202, known.text)
    assert {name: known.headers[name] for name in known.headers if name != "date"} == {
        name: unknown.headers[name] for name in unknown.headers if name != "date"
    }
    for answer in (form, known):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        assert ADA not in answer.text
    async with taking_mail() as box:
        assert [mail["To"] for mail in await mailed(notifier, box)] == [ADA]


@pytest.mark.parametrize("form", [{}, {"email": ""}, {"email": "ada"}, {"email": '"><script>alert(1)</script>'}])
async def test_a_mistake_is_shown_by_the_field(notifier: Notifier, form: dict[str, str]) -> None:
    async with notifier.serving():
        answer = await notifier.client.post("/my-links", data=form, headers=BROWSER)
    assert answer.status_code == 422
    assert 'id="email-wrong">Write one plain mail address' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert 'aria-describedby="email-hint email-wrong"' in answer.text
    assert "<script>" not in answer.text
    assert await notifier.value("select count(*) from link_requests") == 0


async def test_a_form_that_is_none_is_no_failure_of_ours(notifier: Notifier) -> None:
    post, kind = "/my-links", "multipart/form-data; boundary=x"
    async with notifier.serving():
        client = notifier.client
        uploaded = await client.post(post, files={"email": ("a.txt", b"x")}, headers=BROWSER)
        broken = await client.post(post, content=b"--y\r\nnonsense", headers={**BROWSER, "Content-Type": kind})
        other = await client.post(post, json={"email": ADA}, headers=BROWSER)
    assert [each.status_code for each in (uploaded, broken, other)] == [422, 400, 422]
    assert await notifier.value("select count(*) from link_requests") == 0
