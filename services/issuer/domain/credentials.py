"""A badge from an order: what goes into it, what is checked before, and its signed form."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from shared.credentials.badge import Issuer, Recipient, open_badge
from shared.credentials.canonical import digest
from shared.credentials.compiled import Shapes
from shared.credentials.errors import CredentialError
from shared.credentials.keys import PrivateKey
from shared.credentials.permutation import permuted
from shared.credentials.proofs import sign
from shared.credentials.status import status_entry
from shared.errors import Invalid, TooLarge
from shared.messaging.events import Purpose, StatusPosition

# Verifiers take a badge that they do not know for forged when it is older than 5 s (created, in its proof).
FRESH = timedelta(seconds=3)
# Room for the rest of the event beside it, below the 512 KiB of a record.
MAX_DOCUMENT_BYTES = 400 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """What an institution asks for: one badge for one learner."""

    recipient_id: str | None = None
    email: str | None = None
    name: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    evidence: Sequence[Mapping[str, Any]] = ()
    results: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a badge is made from, as it stands in the database at `now`."""

    now: datetime
    institution_id: UUID
    did: str
    name: str
    url: str | None
    achievement_id: UUID
    achievement_number: int
    achievement: Mapping[str, Any]
    suspendable: bool
    signing_key_id: UUID
    verification_method: str
    sealed: bytes = field(repr=False)
    sandbox: bool = False  # its badges are demonstrations, wherever they are issued

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """The lists in which a badge of this achievement has a bit."""
        return ("revocation", "suspension") if self.suspendable else ("revocation",)

    def outdated_by(self, later: "Plan") -> bool:
        """Tell whether what was signed by this plan must be signed again."""
        return later.signing_key_id != self.signing_key_id or later.now - self.now > FRESH

    def renewed_by(self, later: "Plan") -> "Plan":
        """Return this plan with the later one's clock and key; the achievement stays, for places were taken for it."""
        return replace(
            self,
            now=later.now,
            signing_key_id=later.signing_key_id,
            verification_method=later.verification_method,
            sealed=later.sealed,
        )


@dataclass(frozen=True, slots=True)
class Numbers:
    """Consecutive numbers `first`, `first + 1` ... of one status list, taken for nobody else."""

    list_id: UUID
    purpose: Purpose
    first: int
    size: int
    secret: bytes = field(repr=False)

    def position(self, offset: int) -> StatusPosition:
        """Return where the status bit of the `offset`-th of them stands."""
        index = permuted(self.first + offset, self.size, self.secret)
        return StatusPosition(list_id=self.list_id, index=index, purpose=self.purpose)


@dataclass(frozen=True, slots=True)
class Draft:
    """A badge about to be signed: the order, and the ids, places and secrets that are its own."""

    row: int
    order: Order
    id: UUID
    event_id: UUID
    positions: tuple[StatusPosition, ...]
    identity_salt: str = field(repr=False)
    owner_token: str = field(repr=False)
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """A badge that was signed by a plan and is not stored yet."""

    draft: Draft
    document: Mapping[str, Any]
    document_digest: bytes


def refuse_impossible(plan: Plan, order: Order) -> None:
    """Raise Invalid where the order can't make a badge of this achievement."""
    if order.recipient_id is None and order.email is None:
        raise Invalid("recipient_missing", "A badge needs its recipient's email or id.")
    if order.valid_until and order.valid_until <= (order.valid_from or plan.now):
        raise Invalid("validity_is_empty", "valid_until does not lie after the beginning of validity.")
    known = {each["id"] for each in plan.achievement.get("resultDescription", ())}
    if not {each["resultDescription"] for each in order.results if "resultDescription" in each} <= known:
        raise Invalid("result_description_unknown", "A result refers to a description that this achievement lacks.")


def make(
    plan: Plan, draft: Draft, key: PrivateKey, public_url: str, *, demo: bool, shapes: Shapes | None = None
) -> Signed:
    """Build and sign one badge; its proof's `created` is the plan's `now`.

    Raises Invalid where the order has no signed form (a value twice in a set, say), TooLarge where it is too long.
    """
    try:
        unsigned = _unsigned(plan, draft, public_url, demo=demo or plan.sandbox)
        document = sign(unsigned, key, plan.verification_method, plan.now, shapes=shapes)
    except CredentialError as error:
        raise Invalid(error.code, error.detail) from error
    if len(orjson.dumps(document)) > MAX_DOCUMENT_BYTES:
        raise TooLarge("credential_too_large", f"The badge would have more than {MAX_DOCUMENT_BYTES} bytes.")
    return Signed(draft, document, digest(document))


def positions(taken: Sequence[Numbers], count: int) -> Iterator[tuple[StatusPosition, ...]]:
    """Yield the places of `count` badges, one in each of the lists from which numbers were taken."""
    return (tuple(numbers.position(offset) for numbers in taken) for offset in range(count))


def _unsigned(plan: Plan, draft: Draft, public_url: str, *, demo: bool) -> dict[str, Any]:
    order = draft.order
    return open_badge(
        credential_id=f"{public_url}/credentials/{draft.id}",
        issuer=Issuer(plan.did, plan.name, plan.url),
        achievement=plan.achievement,
        recipient=Recipient(order.recipient_id, order.email, order.name, draft.identity_salt),
        valid_from=order.valid_from or plan.now,
        valid_until=order.valid_until,
        evidence=order.evidence,
        results=order.results,
        status=[
            status_entry(f"{public_url}/status-lists/{place.list_id}", place.index, place.purpose)
            for place in draft.positions
        ],
        demo=demo,
    )
