"""Tells people by mail: text and HTML, the signed badge attached, one recipient, headers that nobody can add to."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256

import orjson
import structlog

from services.notifier import headers, letters, own_words
from services.notifier.domain import MAX_LINKS, MY_LINKS, NECESSARY, Answer, checked_address
from services.notifier.endpoint_letters import ABOUT_ENDPOINTS, of_an_endpoint
from services.notifier.headers import one_line
from services.notifier.letters import Places
from services.notifier.own_words import TemplateRefused
from services.notifier.post import Mail, Post
from services.notifier.store import links, parcels
from services.notifier.store.links import Links
from services.notifier.store.parcels import EndpointMail, Letter
from services.notifier.store.queue import Claim
from services.notifier.tokens import confirm_token, unsubscribe_token
from services.notifier.words import spoken
from services.notifier.writing import Written, written
from shared.db import Database, Tx
from shared.sealing import Sealer

log = structlog.get_logger()

# The mails that have the signed badge with them.
_WITH_BADGE = ("credential.issued", "credential.replaced", "credential.renewed", "credential.revoked")

# Of a boundary: no encoded part has it, so none needs to be searched for it (RFC 2045 section 6.7).
_ENCODING, _NEVER_ENCODED = "quoted-printable", "=_"

# The mails that anybody could have sent to any address: one goes there once in a while.
_BY_TURNS = (MY_LINKS, "endpoint.confirm")

Parcel = Letter | EndpointMail | Links


@dataclass(frozen=True, slots=True)
class Mails:
    """The channel of people; `sender` is the address that mails come from."""

    database: Database
    post: Post
    sender: str
    places: Places
    sealer: Sealer
    name: str = "mail"

    async def send(self, claim: Claim) -> Answer:
        """Write the mail and hand it over once."""
        async with self.database.pool.acquire() as connection:  # one statement, then perhaps another: no transaction
            parcel = await _parcel(connection, claim)
            if parcel and claim.type in _BY_TURNS and not await _has_turn(connection, claim, parcel.email):
                return Answer("refused", error="told_already")
        if parcel is None:
            return Answer("refused", error="nobody_to_tell")
        if refusal := _refused(parcel, claim.type):
            return Answer("refused", error=refusal, disable="gone" if refusal == "suppressed" else None)
        address = checked_address(parcel.email)
        if address is None:
            return Answer("refused", error="address_refused")
        if isinstance(parcel, Letter) and parcel.template:
            # A tenant's template is compiled and run beside the event loop.
            content = await asyncio.to_thread(self._write, parcel, address, claim)
        else:
            content = self._write(parcel, address, claim)
        answer = await self.post.send(Mail(str(claim.id), self.sender, address, content))
        return replace(answer, body=sha256(content).digest())

    def _write(self, parcel: Parcel, address: str, claim: Claim) -> bytes:
        unsubscribe = self._unsubscribe(claim, address)
        on_behalf = one_line(parcel.institution) if isinstance(parcel, Letter) else None
        badge = None
        if isinstance(parcel, Letter) and claim.type in _WITH_BADGE:
            badge = orjson.dumps(parcel.credential)
        return compose(
            self._written(parcel, claim, unsubscribe),
            sender=self.sender,
            on_behalf=on_behalf,
            to=address,
            name=str(claim.id),
            at=claim.started_at,
            unsubscribe=unsubscribe,
            badge=badge,
        )

    def _written(self, parcel: Parcel, claim: Claim, unsubscribe: str | None) -> Written:
        if isinstance(parcel, Links):
            return written(MY_LINKS, letters.listed(parcel, self.places), spoken(parcel.language))
        language = spoken(parcel.language)
        if isinstance(parcel, Letter):
            return self._to_learner(parcel, claim, language, unsubscribe)
        confirm = f"{self.places.confirm}/{confirm_token(self.sealer, claim.tenant_id, claim.target)}"
        template = claim.type if claim.type in ABOUT_ENDPOINTS else "event"
        return written(template, of_an_endpoint(parcel, claim, self.places, confirm), language, unsubscribe)

    def _to_learner(self, letter: Letter, claim: Claim, language: str, unsubscribe: str | None) -> Written:
        said = letters.said(letter, claim.target, self.places)
        if letter.template:
            try:
                return own_words.write(letter.template, said, language, unsubscribe, self.places.verifier)
            except TemplateRefused:
                # It was good when it was stored, and a newer version of ours refuses it, or a name is endless.
                log.warning("template_refused", tenant_id=str(claim.tenant_id), type=claim.type)
        return written(claim.type, said, language, unsubscribe)

    def _unsubscribe(self, claim: Claim, address: str) -> str | None:
        """Return where the reader says that no more is wanted; None for what is necessary, or without a page for it."""
        to_learner = claim.target == claim.credential_id
        if self.places.unsubscribe is None or claim.type == MY_LINKS or (to_learner and claim.type in NECESSARY):
            return None
        return f"{self.places.unsubscribe}/{unsubscribe_token(self.sealer, claim.tenant_id, address)}"


async def _has_turn(tx: Tx, claim: Claim, address: str) -> bool:
    return await links.take_turn(tx, claim.target, address, claim.type)


async def _parcel(tx: Tx, claim: Claim) -> Parcel | None:
    if claim.type == MY_LINKS:
        return await links.find(tx, claim.target, MAX_LINKS)
    if claim.target == claim.credential_id:
        return await parcels.letter(tx, claim)
    return await parcels.endpoint_mail(tx, claim)


def _refused(parcel: Parcel, mail: str) -> str | None:
    """Return the word for why a mail is not sent to whom it is for; None where it is."""
    if isinstance(parcel, Links) or parcel.suppressed is None:
        return None
    if parcel.suppressed == "bounced":
        return "suppressed"
    return None if isinstance(parcel, Letter) and mail in NECESSARY else "unsubscribed"


def compose(
    said: Written,
    *,
    sender: str,
    on_behalf: str | None,
    to: str,
    name: str,
    at: datetime,
    unsubscribe: str | None = None,
    badge: bytes | None = None,
) -> bytes:
    """Make a mail of what it says; `badge` is a signed one, to be attached.

    `name` makes the Message-ID, the same at every attempt. `unsubscribe` is an address that takes the one click of
    RFC 8058.
    """
    message = EmailMessage(policy=headers.POLICY)
    message["Subject"] = headers.subject(said.subject)
    message["From"] = headers.sender(on_behalf, sender)
    message["To"] = to
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    if unsubscribe:
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(said.text, cte=_ENCODING)
    message.make_alternative(boundary=f"{_NEVER_ENCODED}alternative")
    message.add_alternative(said.html, subtype="html", cte=_ENCODING)
    if badge:
        message.make_mixed(boundary=f"{_NEVER_ENCODED}mixed")
        message.add_attachment(badge, maintype="application", subtype="json", filename="badge.json")
    return message.as_bytes()
