"""Where mails go: to an SMTP server, or as files into a folder where there is none."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

from services.notifier.domain import Answer, address_digest
from services.notifier.replies import read_reply

# For all of a conversation: less than the sender waits for it.
SECONDS = 25.0

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class Mail(NamedTuple):
    """A mail as it is handed over, from one address to one; `name` is the delivery's, the same at every attempt."""

    name: str
    sender: str
    to: str
    content: bytes


class Post(Protocol):
    """Takes mails."""

    async def send(self, mail: Mail) -> Answer:
        """Take a mail."""
        ...


@dataclass(frozen=True)
class SmtpPost:
    """An SMTP server (RFC 5321), asked anew for each mail."""

    host: str
    port: int
    security: Literal["smtp", "smtp+starttls", "smtps"]
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None

    @classmethod
    def from_url(cls, url: str) -> "SmtpPost":
        """Read smtp://, smtp+starttls:// or smtps://[user:password@]host[:port]; raises ValueError, quoting nothing."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("LAUREL_SMTP_URL must be smtp://, smtp+starttls:// or smtps://[user:password@]host[:port]")
        username, password = parts.username, parts.password
        return cls(
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            parts.scheme,  # type: ignore[arg-type]  # one of _PORTS, which are its three
            unquote(username) if username else None,
            unquote(password) if password else None,
        )

    async def send(self, mail: Mail) -> Answer:
        """Hand a mail over."""
        try:
            async with asyncio.timeout(SECONDS):
                await aiosmtplib.send(
                    mail.content,
                    sender=mail.sender,
                    recipients=[mail.to],
                    hostname=self.host,
                    port=self.port,
                    use_tls=self.security == "smtps",
                    start_tls=self.security == "smtp+starttls",
                    username=self.username,
                    password=self.password,
                    tls_context=self.tls,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            return read_reply(refused.code, refused.message, "recipient", address_digest(mail.to))
        except aiosmtplib.SMTPDataError as error:
            return read_reply(error.code, error.message, "content", address_digest(mail.to))
        except aiosmtplib.SMTPResponseException as error:
            # Not this mail was refused, we were (log-in, sender): somebody will mend that.
            return Answer("retry", error.code, "smtp_refused_us", ours=True)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Answer("retry", error="timeout" if isinstance(error, TimeoutError) else "connection", ours=True)
        return Answer("accepted", 250)


@dataclass(frozen=True)
class FolderPost:
    """A folder of .eml files: a mail is there whole or not at all, and once however often it is sent."""

    folder: Path

    async def send(self, mail: Mail) -> Answer:
        """Write a mail as `<name>.eml`."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = self.folder / f".{mail.name}.part"
            unfinished.write_bytes(mail.content)
            unfinished.replace(self.folder / f"{mail.name}.eml")
        except OSError as error:
            return Answer("retry", error.errno, "folder", ours=True)
        return Answer("accepted")
