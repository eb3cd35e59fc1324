"""What there is to tell, and how long it is tried: pure decisions, with time and chance as arguments."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from shared.messaging.cloudevents import Delivery
from shared.messaging.events import CredentialRecorded, CredentialStatusChanged, Issuance

EventType = Literal["credential.issued", "credential.revoked"]
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
# Of one tenant: each event is sent to each of them.
MAX_ENDPOINTS = 10
# What a delivery is called that answers a request for the links of an address's badges, and how many it lists.
MY_LINKS = "my-links"
MAX_LINKS = 100

REASONS = {
    "issued_in_error": "It was issued in error.",
    "withdrawn": "The institution has withdrawn it.",
    "superseded": "A newer badge takes its place.",
    "key_compromise": "The key it was signed with can no longer be relied on.",
    "other": "The institution has another reason.",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One half of something to tell: the issuer says that it happened, the registry that it is recorded."""

    event_id: UUID
    credential_id: UUID
    institution_id: UUID
    version: int
    type: EventType
    happened_at: datetime | None = None
    reason: str | None = None
    recorded_at: datetime | None = None
    actor_role: str | None = None


def notice(delivery: Delivery) -> Notice | None:
    """Return what `delivery` contributes; None where nobody is told of such a thing."""
    match delivery.message:
        case Issuance() as issued:
            return Notice(*_about(delivery.id, issued), "credential.issued", happened_at=delivery.time)
        case CredentialStatusChanged(change="revoked") as revoked:
            reason = revoked.reason.code if revoked.reason else "other"
            about = _about(delivery.id, revoked)
            actor = revoked.actor.role
            return Notice(*about, "credential.revoked", happened_at=delivery.time, reason=reason, actor_role=actor)
        case CredentialRecorded(change="issued") as recorded:
            about = _about(recorded.recorded_event_id, recorded)
            return Notice(*about, "credential.issued", recorded_at=recorded.recorded_at)
        case CredentialRecorded(change="revoked") as recorded:
            about = _about(recorded.recorded_event_id, recorded)
            return Notice(*about, "credential.revoked", recorded_at=recorded.recorded_at)
    return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt, as its channel saw it.

    `status` is the receiver's code; `error` a short word of ours, never the receiver's text. `wait` is the least time
    until the next try, `pause` keeps everything else from this target as long, `disable` ends it.
    """

    outcome: Outcome
    status: int | None = None
    error: str | None = None
    wait: timedelta = timedelta(0)
    pause: timedelta = timedelta(0)
    disable: Disabled | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a delivery after an attempt."""

    state: Literal["delivered", "failed", "waiting"]
    due_at: datetime | None = None
    disable: Disabled | None = None


def verdict(answer: Answer, tries: int, now: datetime, chance: float) -> Verdict:
    """Decide after the attempt number `tries` (from 1) of the schedule; `chance` lies between 0 and 1."""
    if answer.outcome == "accepted":
        return Verdict("delivered")
    if answer.outcome == "refused":
        return Verdict("failed", disable=answer.disable)
    if tries >= len(SCHEDULE):
        return Verdict("failed", disable="unreachable")
    return Verdict("waiting", due_at=now + max(SCHEDULE[tries] * (1 + JITTER * chance), answer.wait))


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


def webhook_payload(notice: Notice, public_url: str) -> dict[str, Any]:
    """Return what a webhook says: ids, version, status and where to read more; nothing personal."""
    return {
        "type": notice.type,
        "timestamp": notice.happened_at.isoformat() if notice.happened_at else None,
        "data": {
            "event_id": str(notice.event_id),
            "credential_id": str(notice.credential_id),
            "institution_id": str(notice.institution_id),
            "version": notice.version,
            "status": notice.type.removeprefix("credential."),
            **({"reason": notice.reason} if notice.reason else {}),
            "links": {"credential": credential_link(public_url, notice.credential_id)},
        },
    }


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


def _about(
    event_id: UUID, message: Issuance | CredentialStatusChanged | CredentialRecorded
) -> tuple[UUID, UUID, UUID, int]:
    return event_id, message.credential_id, message.institution_id, message.version
