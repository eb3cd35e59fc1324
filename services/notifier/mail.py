"""Tells people by mail: text and HTML, the signed badge attached, one recipient, headers that nobody can add to."""

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifier import headers
from services.notifier.domain import REASONS, Answer, checked_address, credential_link
from services.notifier.headers import one_line
from services.notifier.post import Post
from services.notifier.store import parcels
from services.notifier.store.parcels import EndpointDown, Letter
from services.notifier.store.queue import Claim
from shared.db import Database

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["line"] = one_line


class Mails:
    """The channel of people."""

    name = "mail"

    def __init__(self, database: Database, post: Post, sender: str, public_url: str) -> None:
        """`sender` is the address that mails come from."""
        self._database = database
        self._post = post
        self._sender = sender
        self._public_url = public_url

    async def send(self, claim: Claim) -> Answer:
        """Write the mail and hand it over once."""
        async with self._database.transaction() as tx:
            if claim.type == "endpoint.disabled":
                parcel: Letter | EndpointDown | None = await parcels.endpoint_down(tx, claim)
            else:
                parcel = await parcels.letter(tx, claim)
        if parcel is None:
            return Answer("refused", error="nobody_to_tell")
        address = checked_address(parcel.email)
        if address is None:
            return Answer("refused", error="address_refused")
        return await self._post.send(self._write(parcel, address, claim), str(claim.id))

    def _write(self, parcel: Letter | EndpointDown, address: str, claim: Claim) -> EmailMessage:
        if isinstance(parcel, EndpointDown):
            said: Mapping[str, Any] = {"id": claim.target, "url": parcel.url, "reason": parcel.reason}
            return self._message("endpoint.disabled", said, address, None, claim)
        said = self._said(parcel, claim)
        message = self._message(claim.type, said, address, said["institution"], claim)
        message.add_attachment(
            orjson.dumps(parcel.credential), maintype="application", subtype="json", filename="badge.json"
        )
        return message

    def _said(self, letter: Letter, claim: Claim) -> dict[str, Any]:
        achievement = letter.credential["credentialSubject"]["achievement"]
        return {
            "badge": one_line(achievement["name"]),
            "description": one_line(achievement.get("description", "")),
            "institution": one_line(letter.institution),
            "institution_url": letter.institution_url,
            "reason": REASONS.get(letter.reason or "other", REASONS["other"]),
            "note": one_line(letter.note) if letter.note else None,
            "link": credential_link(self._public_url, claim.target, letter.owner_token),
        }

    def _message(
        self, template: str, said: Mapping[str, Any], address: str, on_behalf: str | None, claim: Claim
    ) -> EmailMessage:
        return compose(
            template,
            said,
            sender=self._sender,
            on_behalf=on_behalf,
            to=address,
            name=str(claim.id),
            at=claim.started_at,
        )


def compose(
    template: str, said: Mapping[str, Any], *, sender: str, on_behalf: str | None, to: str, name: str, at: datetime
) -> EmailMessage:
    """Write a mail from `<template>.txt` (its first line is the subject) and `<template>.html`.

    `name` makes the Message-ID, the same at every attempt.
    """
    subject, _, text = _templates.get_template(f"{template}.txt").render(said).partition("\n")
    message = EmailMessage(policy=headers.POLICY)
    message["Subject"] = headers.subject(subject)
    message["From"] = headers.sender(on_behalf, sender)
    message["To"] = to
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    message.set_content(text.lstrip("\n"))
    message.add_alternative(_templates.get_template(f"{template}.html").render(said), subtype="html")
    return message
