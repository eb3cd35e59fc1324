"""A badge from an order: what goes into it, what is checked before, and its signed form."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from services.issuer.domain.formats import DEFAULT, Formats, proofs_of, token_of
from services.issuer.domain.lint import refuse_unfit_badge
from shared.credentials import jwt
from shared.credentials.badge import Issuer, Recipient, open_badge
from shared.credentials.canonical import digest
from shared.credentials.compiled import Shapes
from shared.credentials.dids import jwk_method, jwk_url
from shared.credentials.errors import CredentialError
from shared.credentials.jsonld import to_quads
from shared.credentials.keys import Algorithm, PrivateKey
from shared.credentials.permutation import permuted
from shared.credentials.proofs import prove
from shared.credentials.status import status_entry
from shared.errors import Invalid, TooLarge
from shared.messaging.events import Purpose, StatusPosition

# Verifiers take a badge that they do not know for forged when it is older than 5 s (created, in its proof).
FRESH = timedelta(seconds=3)
# Of document and token: room for the rest of the event beside them, below the 512 KiB of a record.
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
class SealedKey:
    """A signing key in use; only the signer opens it."""

    id: UUID
    verification_method: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a badge is made from, as it stands in the database at `now`; `keys` are those that its formats take."""

    now: datetime
    institution_id: UUID
    did: str
    name: str
    url: str | None
    achievement_id: UUID
    achievement_number: int
    achievement: Mapping[str, Any]
    suspendable: bool
    keys: Mapping[Algorithm, SealedKey]
    formats: Formats = DEFAULT
    sandbox: bool = False  # its badges are demonstrations, wherever they are issued

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """The lists in which a badge of this achievement has a bit."""
        return ("revocation", "suspension") if self.suspendable else ("revocation",)

    @property
    def first_key(self) -> SealedKey:
        """The key of a badge's first proof."""
        return self.keys[proofs_of(self.formats)[0][1]]

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
    order: Order
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
    plan: Plan,
    draft: Draft,
    keys: Mapping[Algorithm, PrivateKey],
    public_url: str,
    *,
    demo: bool,
    shapes: Shapes | None = None,
) -> Signed:
    """Build one badge and sign it in the plan's formats; its proofs' `created` is the plan's `now`.

    Raises Invalid where the order has no signed form (a value twice in a set, say) or strict readers would refuse it,
    TooLarge where it is too long.
    """
    try:
        unsigned = _unsigned(plan, draft, public_url, demo=demo)
        refuse_unfit_badge(unsigned)
        document = {**unsigned, "proof": _proof(plan, unsigned, keys, shapes)}
        token = _token(plan, unsigned, keys)
    except CredentialError as error:
        raise Invalid(error.code, error.detail) from error
    if len(orjson.dumps(document)) + len(token or "") > MAX_DOCUMENT_BYTES:
        raise TooLarge("credential_too_large", f"The badge would have more than {MAX_DOCUMENT_BYTES} bytes.")
    return Signed(draft, document, digest(document), token)


def refuse_unfit(plan: Plan, draft: Draft, public_url: str, shapes: Shapes) -> None:
    """Raise Invalid as `make` would, without signing anything."""
    try:
        unsigned = _unsigned(plan, draft, public_url, demo=False)
        refuse_unfit_badge(unsigned)
        shapes.rdfc(unsigned)  # raises for what means nothing
    except CredentialError as error:
        raise Invalid(error.code, error.detail) from error


def positions(taken: Sequence[Numbers], count: int) -> Iterator[tuple[StatusPosition, ...]]:
    """Yield the places of `count` badges, one in each of the lists from which numbers were taken."""
    return (tuple(numbers.position(offset) for numbers in taken) for offset in range(count))


def _proof(plan: Plan, unsigned: Mapping[str, Any], keys: Mapping[Algorithm, PrivateKey], shapes: Shapes | None) -> Any:
    """Return the one proof, or the set of them; each is over the badge without any."""
    wanted = proofs_of(plan.formats)
    if all(suite.canonical == "jcs" for suite, _ in wanted):
        to_quads(unsigned)  # raises for what means nothing: such proofs do not look at what members mean
    made = [
        prove(unsigned, keys[kind], plan.keys[kind].verification_method, plan.now, suite, shapes=shapes)
        for suite, kind in wanted
    ]
    return made[0] if len(made) == 1 else made


def _token(plan: Plan, unsigned: Mapping[str, Any], keys: Mapping[Algorithm, PrivateKey]) -> str | None:
    """Return the badge as a token, whose key is named by where it stands as a JWK."""
    wanted = token_of(plan.formats)
    if wanted is None:
        return None
    profile, kind = wanted
    key, sealed = keys[kind], plan.keys[kind]
    if profile == "ob3-jwt":
        return jwt.write_ob3(unsigned, key, jwk_url(plan.did, sealed.id), plan.now)
    return jwt.write_vc(unsigned, key, jwk_method(plan.did, sealed.id) or sealed.verification_method, plan.now)


def _recipient_id(plan: Plan, draft: Draft) -> str | None:
    """Return whose badge it is; a token of Open Badges names its subject, by a name of its own if there is none."""
    made_up = f"urn:uuid:{draft.subject_id}" if "ob3-jwt" in plan.formats else None
    return draft.order.recipient_id or made_up


def _unsigned(plan: Plan, draft: Draft, public_url: str, *, demo: bool) -> dict[str, Any]:
    order = draft.order
    return open_badge(
        credential_id=f"{public_url}/credentials/{draft.id}",
        issuer=Issuer(plan.did, plan.name, plan.url),
        achievement=plan.achievement,
        recipient=Recipient(_recipient_id(plan, draft), order.email, order.name, draft.identity_salt),
        valid_from=order.valid_from or plan.now,
        valid_until=order.valid_until,
        evidence=order.evidence,
        results=order.results,
        status=[
            status_entry(f"{public_url}/status-lists/{place.list_id}", place.index, place.purpose)
            for place in draft.positions
        ],
        demo=demo or plan.sandbox,
    )
