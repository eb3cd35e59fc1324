"""What is issued, from what, and what comes of it: orders, the plan that they share, drafts, signed credentials."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from services.issuer.domain.formats import DEFAULT, Formats, proofs_of, token_of
from services.issuer.domain.status import Succession
from shared.credentials.dids import controller_of
from shared.credentials.instants import read_instant
from shared.credentials.keys import Algorithm
from shared.credentials.permutation import permuted
from shared.messaging.events import Purpose, Reason, StatusPosition

# Verifiers take a badge that they do not know for forged when it is older than 5 s (created, in its proof).
FRESH = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The badge that another replaces or renews, why, and by which entity tag it was known to whoever asked."""

    id: UUID
    command: Succession
    reason: Reason
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What an institution asks for: one badge for one learner.

    `renewable_until` is kept by the issuer alone, and stands in no badge.
    """

    recipient_id: str | None = None
    email: str | None = None
    name: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    evidence: Sequence[Mapping[str, Any]] = ()
    results: Sequence[Mapping[str, Any]] = ()
    renewable_until: datetime | None = None
    predecessor: Predecessor | None = None

    @property
    def client_id(self) -> None:
        """A badge has no name but ours."""
        return None


@dataclass(frozen=True, slots=True)
class Given:
    """A whole credential that the institution wrote, to be signed as it stands.

    `credential_id` is the name that the institution knows it by where the document has no `id`.
    """

    document: Mapping[str, Any]
    credential_id: str | None = None

    @property
    def email(self) -> None:
        """Nobody's address is known."""
        return None

    @property
    def client_id(self) -> str | None:
        """The institution's own name for it, the document's where it has one; it is given once."""
        named = self.document.get("id", self.credential_id)
        return named if isinstance(named, str) else None

    @property
    def renewable_until(self) -> None:
        """Nobody renews it but the institution, which writes another."""
        return None

    @property
    def predecessor(self) -> None:
        """It takes no other's place that we know of."""
        return None

    @property
    def valid_from(self) -> datetime | None:
        """When it begins, where it says so legibly."""
        return read_instant(self.document.get("validFrom", self.document.get("issuanceDate")))

    @property
    def valid_until(self) -> datetime | None:
        """When it ends, where it says so legibly."""
        return read_instant(self.document.get("validUntil", self.document.get("expirationDate")))


AnyOrder = Order | Given


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A signing key in use; only the signer opens it."""

    id: UUID
    verification_method: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The ids of the keys that sign a badge: of its first proof, of its other proofs, and of its token."""

    first: UUID
    others: Sequence[UUID]
    token: UUID | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a credential is made from, as it stands in the database at `now`; `keys` are those that its formats take.

    Without an achievement it is one that the institution wrote itself.
    """

    now: datetime
    institution_id: UUID
    did: str
    name: str
    url: str | None
    achievement_id: UUID | None
    achievement_number: int | None
    achievement: Mapping[str, Any]
    suspendable: bool
    keys: Mapping[Algorithm, SealedKey]
    formats: Formats = DEFAULT
    sandbox: bool = False  # its badges are demonstrations, wherever they are issued

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """The lists in which a badge of this achievement has a bit."""
        return purposes_of(suspendable=self.suspendable)

    @property
    def signing_keys(self) -> SigningKeys:
        """The keys with which a badge is signed."""
        first, *others = dict.fromkeys(self.keys[kind].id for _, kind in proofs_of(self.formats))
        token = token_of(self.formats)
        return SigningKeys(first, others, self.keys[token[1]].id if token else None)

    @property
    def issuer_did(self) -> str:
        """The DID in whose name is signed: the institution's, or the key itself where each key is a did:key."""
        return controller_of(self.keys[proofs_of(self.formats)[0][1]].verification_method)

    def outdated_by(self, later: "Plan") -> bool:
        """Tell whether what was signed by this plan must be signed again."""
        return later.keys != self.keys or later.now - self.now > FRESH

    def renewed_by(self, later: "Plan") -> "Plan":
        """Return this plan with the later one's clock and keys; the achievement stays, for places were taken for it."""
        return replace(self, now=later.now, keys=later.keys)


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
    """A badge about to be signed: the order, and the ids, places and secrets that are its own.

    `subject_id` names a recipient who has no id, in a format that needs one.
    """

    row: int
    order: AnyOrder
    id: UUID
    event_id: UUID
    subject_id: UUID
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
    token: str | None = field(default=None, repr=False)

    @property
    def token_digest(self) -> bytes | None:
        """The SHA-256 of the compact token."""
        return sha256(self.token.encode()).digest() if self.token else None


def purposes_of(*, suspendable: bool) -> tuple[Purpose, ...]:
    """Return the lists in which a badge has a bit, in the order in which numbers of them are taken."""
    return ("revocation", "suspension") if suspendable else ("revocation",)


def positions(taken: Sequence[Numbers], count: int) -> Iterator[tuple[StatusPosition, ...]]:
    """Yield the places of `count` badges, one in each of the lists from which numbers were taken."""
    return (tuple(numbers.position(offset) for numbers in taken) for offset in range(count))
