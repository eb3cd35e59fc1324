"""What tests of mails do alike: have what is due mailed, take a mail apart, see what a reader would show."""

import json
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

from services.notifier.post import SmtpPost
from tests.integration.notifier.conftest import Notifier
from tests.support.mailbox import Mailbox


async def mailed(notifier: Notifier, box: Mailbox) -> list[EmailMessage]:
    async with notifier.mailing(SmtpPost.from_url(f"smtp://127.0.0.1:{box.port}")):
        await notifier.settled("mail")
    return box.mails


async def outcomes(notifier: Notifier) -> list[tuple[Any, ...]]:
    return await notifier.rows("select outcome, status, error from attempts order by number")


def parts(mail: EmailMessage) -> tuple[str, str, dict[str, Any]]:
    """The text part, the HTML part and the attached badge of a mail."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    [badge] = mail.iter_attachments()
    assert badge.get_filename() == "badge.json"
    assert badge.get_content_type() == "application/json"
    return text.get_content(), html.get_content(), json.loads(badge.get_content())


class Seen(HTMLParser):
    """What a mail program would show, and every address that it would fetch or run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data
