"""Mails to learners, through a real SMTP server and into a folder."""

import asyncio
import email
import json
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
import structlog

from services.notifier import letters
from services.notifier.headers import MAX_HEADER_TEXT
from services.notifier.mail import compose
from services.notifier.post import Mail, SmtpPost
from services.notifier.sender import LEASE
from services.notifier.store.parcels import Letter
from services.notifier.writing import written
from shared.ids import new_id
from tests.integration.notifier.builders import EMAIL, OWNER_TOKEN, PERSONAL, Badge, institution
from tests.integration.notifier.conftest import PLACES, PUBLIC_URL, Notifier
from tests.integration.notifier.mailing import mailed, outcomes, parts
from tests.integration.notifier.receiver import receiving
from tests.support.mailbox import Mailbox, taking_mail
from tests.support.records import delivery

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Moody(Mailbox):
    """A mailbox that answers recipients and mails as it is told."""

    recipient: str = "250 OK"
    content: str = "250 kept"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802  # aiosmtpd's name
        if self.recipient.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await super().handle_DATA(server, session, envelope)
        return self.content


async def test_an_issue_is_mailed_with_the_owners_link_and_the_signed_badge(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.keep(delivery(institution(badge.institution_id, "North Academy")))
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    text, html, attached = parts(mail)
    link = f"{PUBLIC_URL}/credentials/{badge.id}?owner={OWNER_TOKEN}"
    assert mail["To"] == mail["X-Envelope-To"] == EMAIL
    assert mail["From"] == "North Academy via Laurel <badges@laurel.example>"
    assert mail["Subject"] == "North Academy has awarded you the badge “Fire safety”"
    assert mail["Date"].datetime is not None
    for part in (text, html):
        assert link in part
        assert "North Academy" in part
        assert "Fire safety" in part
    assert attached == badge.document
    assert await outcomes(notifier) == [("accepted", 250, None)]


async def test_the_name_on_the_badge_serves_until_the_institutions_own_is_known(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    assert mail["From"].startswith("Example University via Laurel")


@pytest.mark.parametrize("name", ["Ünïversität Zürich", "大学", 'The "Best", Ltd; <x@evil.example>', "N" * 3000])
def test_any_name_is_a_well_formed_header(name: str) -> None:
    letter = Letter(EMAIL, OWNER_TOKEN, Badge(name=name, learner=name).document, name, None, None, None)
    said = letters.said(letter, new_id(), PLACES)
    words = written("credential.issued", said)
    raw = compose(words, sender="badges@laurel.example", on_behalf=name, to=EMAIL, name="1", at=AT)
    assert raw.isascii()
    assert max(len(line) for line in raw.splitlines()) < 998  # RFC 5322 section 2.1.1
    again = email.message_from_bytes(raw, policy=policy.default)
    assert [each.addr_spec for each in again["From"].addresses] == ["badges@laurel.example"]
    shown = name if len(name) <= MAX_HEADER_TEXT else name[: MAX_HEADER_TEXT - 1] + "…"
    # Python's reader leaves spaces between encoded words, which RFC 2047 section 6.2 says are none.
    assert again["From"].addresses[0].display_name.replace(" ", "") == f"{shown} via Laurel".replace(" ", "")
    assert not again["From"].defects


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nRCPT TO:<x@evil.example>", "a@b.example, c@d.example", "ünal@b.example", "a@раypal.example"],
)
async def test_an_address_that_is_not_one_plain_address_never_reaches_smtp(notifier: Notifier, address: str) -> None:
    badge = Badge(email=address)
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail() as box:
        assert await mailed(notifier, box) == []
    assert await outcomes(notifier) == [("refused", None, "address_refused")]


async def test_a_refused_recipient_is_final_and_one_refused_for_now_is_tried_again(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail(Moody) as box:
        box.recipient = "450 4.2.1 Later"
        await mailed(notifier, box)
        await notifier.move_clock(timedelta(seconds=10))
        box.recipient = "550 5.1.1 Nobody of that name"
        await mailed(notifier, box)
    assert await outcomes(notifier) == [("retry", 450, "recipient_refused"), ("refused", 550, "recipient_refused")]
    assert await notifier.value("select state from deliveries") == "failed"


async def test_a_refused_content_is_final_and_one_refused_for_now_is_tried_again(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail(Moody) as box:
        box.content = "451 4.3.0 Later"
        await mailed(notifier, box)
        await notifier.move_clock(timedelta(seconds=10))
        box.content = "554 5.6.0 Looks like spam"
        await mailed(notifier, box)
    assert await outcomes(notifier) == [("retry", 451, "content_refused"), ("refused", 554, "content_refused")]


async def test_a_server_that_wants_nothing_of_us_is_no_fault_of_the_mail(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail() as box:
        post = SmtpPost.from_url(f"smtp://someone:wrong%20password@127.0.0.1:{box.port}")
        async with notifier.mailing(post):
            await notifier.settled("mail")
    [(outcome, _, _)] = await outcomes(notifier)
    assert outcome == "retry"
    await notifier.move_clock(timedelta(seconds=10))
    async with notifier.mailing(SmtpPost.from_url(f"smtp://127.0.0.1:{box.port}")):  # nobody listens there any more
        await notifier.settled("mail")
    assert (await outcomes(notifier))[1] == ("retry", None, "connection")


async def test_a_server_that_never_greets_is_given_up_in_time(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.post.SECONDS", 0.3)
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    async with receiving() as silent, notifier.mailing(SmtpPost.from_url(f"smtp://127.0.0.1:{silent.port}")):
        await notifier.settled("mail")
    assert await outcomes(notifier) == [("retry", None, "timeout")]


async def test_a_server_without_tls_gets_no_mail_where_tls_is_asked_for(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail() as box, notifier.mailing(SmtpPost.from_url(f"smtp+starttls://127.0.0.1:{box.port}")):
        await notifier.settled("mail")
    assert box.mails == []
    assert await notifier.value("select state from deliveries") == "waiting"


async def test_a_crash_between_sending_and_marking_sends_the_same_message_id_again_and_counts_it(
    notifier: Notifier,
) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    taken = asyncio.Event()

    class Slow:
        """A post that has taken the mail, and has not yet said so."""

        async def send(self, mail: Mail) -> Any:
            await SmtpPost.from_url(f"smtp://127.0.0.1:{box.port}").send(mail)
            taken.set()
            await asyncio.Event().wait()

    async with taking_mail() as box:
        async with notifier.mailing(Slow()):
            await asyncio.wait_for(taken.wait(), 60)
        await notifier.move_clock(LEASE + timedelta(seconds=1))
        first, second = await mailed(notifier, box)
    assert first["Message-ID"] == second["Message-ID"]
    assert await notifier.rows("select state, possibly_doubled from deliveries") == [("delivered", 1)]
    assert [outcome for outcome, _, _ in await outcomes(notifier)] == ["lost", "accepted"]


async def test_without_a_server_mails_become_files_each_whole_and_once(notifier: Notifier) -> None:
    badges = [Badge() for _ in range(20)]
    await notifier.feed(*[badge.issued() for badge in badges], *[badge.recorded() for badge in badges])
    async with notifier.mailing():
        await notifier.settled("mail")
    await notifier.value("update deliveries set state = 'waiting', due_at = laurel_clock() returning true")
    async with notifier.mailing():
        await notifier.settled("mail")
    files = sorted(notifier.settings.mail_folder.iterdir())
    assert len(files) == 20
    assert {file.suffix for file in files} == {".eml"}
    for file in files:
        mail = email.message_from_bytes(file.read_bytes(), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        assert mail["Message-ID"] == f"<{file.stem}@laurel.example>"
        assert parts(mail)[2] in [badge.document for badge in badges]


async def test_a_folder_that_cannot_be_written_is_tried_again(notifier: Notifier) -> None:
    notifier.settings.mail_folder.write_text("a file where a folder is wanted")
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    async with notifier.mailing():
        await notifier.settled("mail")
    assert [(outcome, error) for outcome, _, error in await outcomes(notifier)] == [("retry", "folder")]


async def test_an_erased_learner_is_not_written_to(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    await notifier.value("delete from recipients returning true")
    async with notifier.mailing():
        await notifier.settled("mail")
    assert await outcomes(notifier) == [("refused", None, "nobody_to_tell")]


async def test_no_log_line_names_a_learner_whatever_goes_wrong(
    notifier: Notifier, caplog: pytest.LogCaptureFixture
) -> None:
    tenant = new_id()
    badges = [Badge(tenant), Badge(tenant, email=f"{EMAIL}\r\nx"), Badge()]
    badges[2].document = {"credentialSubject": "no badge at all: " + EMAIL}
    everything = [*[badge.issued() for badge in badges], *[badge.revoked() for badge in badges]]
    await notifier.feed(*everything, *[badge.recorded() for badge in badges])
    with structlog.testing.capture_logs() as lines:
        async with taking_mail(Moody) as box:
            box.recipient = f"550 5.1.1 <{EMAIL}> is not known here"
            await mailed(notifier, box)
    assert len(lines) >= 3
    logged = json.dumps(lines, default=str) + caplog.text
    assert not any(planted in logged for planted in PERSONAL)
    assert ("retry", None, "internal") in await outcomes(notifier)


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "mail.example:25", "smtp:///x", ""])
def test_a_server_that_is_none_is_refused_without_quoting_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="LAUREL_SMTP_URL"):
        SmtpPost.from_url(url)


def test_a_servers_url_is_read_with_its_password() -> None:
    post = SmtpPost.from_url("smtps://me%40north:p%3Aw@mail.example")
    assert (post.host, post.port, post.security) == ("mail.example", 465, "smtps")
    assert (post.username, post.password) == ("me@north", "p:w")
