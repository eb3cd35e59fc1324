"""What there is to tell, and how long it is tried: pure decisions, with time and chance as arguments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from shared.credentials.identity import normal_address
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import (
    ChangeType,
    CredentialExpiring,
    CredentialRecorded,
    CredentialStatusChanged,
    Issuance,
    Message,
    WatchTriggered,
)

EventType = Literal[
    "credential.issued",
    "credential.suspended",
    "credential.reinstated",
    "credential.revoked",
    "credential.replaced",
    "credential.renewed",
    "credential.expiring",
    "watch.changed",
    "endpoint.test",
]
Outcome = Literal["accepted", "refused", "retry"]
Disabled = Literal["gone", "unreachable"]

# When to try, after the event and then after each failure: Standard Webhooks, "Deliverability and reliability".
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.1  # of each wait, added: receivers that came back are not asked by everybody at once
LONGEST_PATIENCE = timedelta(hours=24)
# What should have gone out longer ago than this waits for an operator's word: it may be no news any more.
LATE = timedelta(hours=48)
THROTTLED = timedelta(minutes=1)
ROTATION = timedelta(hours=24)
# How long the link in a mail confirms an address.
CONFIRMABLE = timedelta(days=7)
# How an endpoint's url begins that is a mail address (RFC 6068).
BY_MAIL = "mailto:"
# Of one tenant: each event is sent to each of them.
MAX_ENDPOINTS = 10
# What a delivery is called that answers a request for the links of an address's badges, and how many it lists.
MY_LINKS = "my-links"
# What mails are written in where nobody has said otherwise, by its tag (RFC 5646).
ENGLISH = "en"
# The mails that bring a badge: whoever wants no more mails gets these all the same.
NECESSARY = ("credential.issued", "credential.replaced", "credential.renewed", MY_LINKS)
MAX_LINKS = 100
# Mails about an endpoint to whoever looks after it, and not to the endpoint itself.
OWNERS_NOTICES = ("endpoint.disabled", "endpoint.enabled")


@dataclass(frozen=True, slots=True)
class Notice:
    """One half of something to tell: the issuer says that it happened, the registry that it is recorded.

    What the registry does not record (a credential runs out, a watch has seen a change) is whole at once and has no
    version. `institution_id` is the tenant that is told: of a watch, its employer. `facts` is what else there is to
    say of this type, as JSON; it holds nothing personal.
    """

    event_id: UUID
    credential_id: UUID
    institution_id: UUID
    version: int | None
    type: EventType
    happened_at: datetime | None = None
    reason: str | None = None
    recorded_at: datetime | None = None
    actor_role: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def notice(delivery: Delivery) -> Notice | None:
    """Return what `delivery` contributes; None where nobody is told of such a thing.

    The registry's half knows less: whether a revocation is a replacement, or an issue a renewal, the issuer's says.
    """
    match delivery.message:
        case Issuance() as issued:
            kind: EventType = "credential.renewed" if issued.renews else "credential.issued"
            facts = _facts(issued, "replaces", "renews")
            return Notice(*_about(delivery.id, issued), kind, happened_at=delivery.time, facts=facts)
        case CredentialStatusChanged() as changed:
            return _changed(delivery, changed)
        case CredentialRecorded() as recorded:
            about = _about(recorded.recorded_event_id, recorded)
            return Notice(*about, _TYPES[recorded.change], recorded_at=recorded.recorded_at)
        case CredentialExpiring() as expiring:
            return _expiring(delivery, expiring)
        case WatchTriggered() as seen:
            return _seen(delivery, seen)
    return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt, as its channel saw it.

    `status` is the receiver's code; `error` a short word of ours, never the receiver's text. `wait` is the least time
    until the next try, `pause` keeps everything else from this target as long, `disable` ends it. `body` is the
    SHA-256 digest of what was sent, `bounced` that of an address that takes no mail. `ours` is a failure on our side:
    it says nothing about the receiver.
    """

    outcome: Outcome
    status: int | None = None
    error: str | None = None
    wait: timedelta = timedelta(0)
    pause: timedelta = timedelta(0)
    disable: Disabled | None = None
    body: bytes | None = None
    bounced: bytes | None = None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a delivery after an attempt; `wait` is the time until the next one."""

    state: Literal["delivered", "failed", "waiting"]
    wait: timedelta | None = None
    disable: Disabled | None = None


def verdict(answer: Answer, tries: int, chance: float) -> Verdict:
    """Decide after the attempt number `tries` (from 1) of the schedule; `chance` lies between 0 and 1."""
    if answer.outcome == "accepted":
        return Verdict("delivered")
    if answer.outcome == "refused":
        return Verdict("failed", disable=answer.disable)
    if tries >= len(SCHEDULE):
        return Verdict("failed", disable=None if answer.ours else "unreachable")
    return Verdict("waiting", wait=max(SCHEDULE[tries] * (1 + JITTER * chance), answer.wait))


def read_response(status: int, retry_after: str | None, now: datetime) -> Answer:
    """Read a webhook receiver's answer (Standard Webhooks, "Deliverability and reliability")."""
    if 200 <= status < 300:
        return Answer("accepted", status)
    if status == 410:
        return Answer("refused", status, "gone", disable="gone")
    if status in (429, 503):
        patience = read_retry_after(retry_after, now)
        return Answer("retry", status, "not_now", wait=patience, pause=patience)
    if status in (502, 504):
        return Answer("retry", status, "down", wait=THROTTLED, pause=THROTTLED)
    return Answer("retry", status, "redirect" if 300 <= status < 400 else "status")


def read_retry_after(text: str | None, now: datetime) -> timedelta:
    """Read a Retry-After header (RFC 9110 section 10.2.3), seconds or a date, up to a day; what is none means now."""
    if text is None:
        return timedelta(0)
    try:
        if text.strip().isdecimal():
            wanted = timedelta(seconds=int(text))
        else:
            wanted = parsedate_to_datetime(text).replace(tzinfo=UTC) - now
    except (ValueError, OverflowError):
        return timedelta(0)
    return min(max(wanted, timedelta(0)), LONGEST_PATIENCE)


def webhook_id(delivery_id: UUID) -> str:
    """Return the id that a message keeps over all its attempts; it can't hold the dot that ends it when signed."""
    return f"msg_{delivery_id.hex}"


def credential_link(public_url: str, credential_id: UUID, owner_token: str | None = None) -> str:
    """Return the address of a badge's page; with the owner's token it opens as the owner's."""
    page = f"{public_url.rstrip('/')}/credentials/{credential_id}"
    return f"{page}?owner={owner_token}" if owner_token else page


def checked_address(text: str) -> str | None:
    """Return `text` where it is exactly one plain mail address that any server understands; None otherwise.

    ASCII alone: no name that looks like another one, no mailbox that only some servers can reach.
    """
    try:
        found = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, allow_quoted_local=False, allow_domain_literal=False
        )
    except EmailNotValidError:
        return None
    return found.ascii_email if text.isascii() else None


def address_digest(address: str) -> bytes:
    """Return what is kept of an address that is not to be written to: SHA-256 of it, trimmed and in lower case."""
    return sha256(normal_address(address).encode()).digest()


_TYPES: Mapping[ChangeType, EventType] = {
    "issued": "credential.issued",
    "suspended": "credential.suspended",
    "reinstated": "credential.reinstated",
    "revoked": "credential.revoked",
}


def _changed(delivery: Delivery, changed: CredentialStatusChanged) -> Notice:
    kind = "credential.replaced" if changed.replaced_by else _TYPES[changed.change]
    reason = changed.reason.code if changed.reason else "other" if changed.change == "revoked" else None
    return Notice(
        *_about(delivery.id, changed),
        kind,
        happened_at=delivery.time,
        reason=reason,
        actor_role=changed.actor.role,
        facts=_facts(changed, "replaced_by"),
    )


def _expiring(delivery: Delivery, expiring: CredentialExpiring) -> Notice:
    about = (delivery.id, expiring.credential_id, expiring.institution_id, None)
    facts = _facts(expiring, "version", "days", "valid_until", "renewable_until", "renewal_url")
    return Notice(*about, "credential.expiring", delivery.time, recorded_at=delivery.time, facts=facts)


def _seen(delivery: Delivery, seen: WatchTriggered) -> Notice:
    about = (delivery.id, seen.credential_id, seen.employer_id, None)
    facts = _facts(seen, "watch_id", "number", "change", "verdict", "standing", "channels")
    return Notice(*about, "watch.changed", seen.changed_at, seen.reason, delivery.time, facts=facts)


def _about(
    event_id: UUID, message: Issuance | CredentialStatusChanged | CredentialRecorded
) -> tuple[UUID, UUID, UUID, int]:
    return event_id, message.credential_id, message.institution_id, message.version


def _facts(message: Message, *members: str) -> dict[str, Any]:
    return message.model_dump(mode="json", include=set(members), exclude_none=True)
