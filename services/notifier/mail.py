"""Tells people by mail: text and HTML, the signed badge attached, one recipient, headers that nobody can add to."""

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifier import headers, letters
from services.notifier.domain import MAX_LINKS, MY_LINKS, Answer, checked_address
from services.notifier.headers import one_line
from services.notifier.letters import Places
from services.notifier.post import Post
from services.notifier.store import links, parcels
from services.notifier.store.links import Links
from services.notifier.store.parcels import EndpointDown, Letter
from services.notifier.store.queue import Claim
from shared.db import Database, Tx

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates" / "mail"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"line": one_line, "apart": letters.apart}


class Mails:
    """The channel of people."""

    name = "mail"

    def __init__(self, database: Database, post: Post, sender: str, places: Places) -> None:
        """`sender` is the address that mails come from."""
        self._database = database
        self._post = post
        self._sender = sender
        self._places = places

    async def send(self, claim: Claim) -> Answer:
        """Write the mail and hand it over once."""
        async with self._database.transaction() as tx:
            parcel = await _parcel(tx, claim)
            if isinstance(parcel, Links) and not await links.take_turn(tx, claim.target, parcel.email):
                return Answer("refused", error="told_already")
        if parcel is None:
            return Answer("refused", error="nobody_to_tell")
        address = checked_address(parcel.email)
        if address is None:
            return Answer("refused", error="address_refused")
        return await self._post.send(self._write(parcel, address, claim), str(claim.id))

    def _write(self, parcel: Letter | EndpointDown | Links, address: str, claim: Claim) -> EmailMessage:
        if isinstance(parcel, EndpointDown):
            said: Mapping[str, Any] = {"id": claim.target, "url": parcel.url, "reason": parcel.reason}
            return self._message(claim.type, said, address, None, claim)
        if isinstance(parcel, Links):
            return self._message(claim.type, letters.listed(parcel, self._places), address, None, claim)
        said = letters.said(parcel, claim.target, self._places)
        message = self._message(claim.type, said, address, one_line(parcel.institution), claim)
        message.add_attachment(
            orjson.dumps(parcel.credential), maintype="application", subtype="json", filename="badge.json"
        )
        return message

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


async def _parcel(tx: Tx, claim: Claim) -> Letter | EndpointDown | Links | None:
    if claim.type == "endpoint.disabled":
        return await parcels.endpoint_down(tx, claim)
    if claim.type == MY_LINKS:
        return await links.find(tx, claim.target, MAX_LINKS)
    return await parcels.letter(tx, claim)


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
