"""The bodies with which badges are asked for."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import orjson
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from services.issuer.api.wire import OpenBadgesBody, Prose, Uri, WebUrl, unique
from services.issuer.domain import formats
from services.issuer.domain.plan import Order
from shared.errors import Invalid
from shared.web.fields import Body, Instant, Name
from shared.web.idempotency import MAX_KEY
from shared.web.problems import message_of

MAX_ROWS = 1_000
# Addresses of which every check below finds that they are as they should be: nearly all, at a tenth of the time.
_PLAIN = re.compile(
    r"(?=[^@]{1,64}@)(?=.{1,254}$)[a-z0-9]+(?:[._+-][a-z0-9]+)*"
    r"@(?:[a-z0-9]{1,30}(?:-[a-z0-9]{1,30})?\.)+(?:com|org|net|edu|[a-z]{2})"
)
# Members of orders that a row's digest has only where they say something: it is older than they are.
_YOUNG = frozenset({"renewable_until", "predecessor"})


def _address(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    try:
        # No look-up: whether an address takes mail shows when it is sent. Reserved domains are for tests.
        return validate_email(text.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError("is not an email address") from error


def _printable(key: str) -> str:
    if not key.isprintable():
        raise ValueError("must have printable characters alone")
    return key


Email = Annotated[str, StringConstraints(max_length=320), AfterValidator(_address)]
RowKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_KEY),
    AfterValidator(_printable),
    Field(
        description="This row's own Idempotency-Key: sent again in any batch within 7 days, the row is answered with "
        "the badge that it has. The same key with other content is that row's error."
    ),
]
WantedFormats = Annotated[
    list[formats.Format],
    AfterValidator(unique),
    Field(
        default_factory=lambda: list(formats.DEFAULT),
        min_length=1,
        max_length=5,
        examples=[["eddsa-rdfc-2022"], ["eddsa-rdfc-2022", "vc+jwt"]],
        description="How the badge is signed: Data Integrity proofs, which are the document's `proof` (one, or a set "
        "with eddsa-rdfc-2022 first), and at most one token, ob3-jwt (or ob3-jwt-rs256, with an RSA key) or vc+jwt. "
        "Absent: eddsa-rdfc-2022. Every badge is kept as JSON: where a token alone is asked for, that has an "
        "eddsa-rdfc-2022 proof.",
        json_schema_extra={"uniqueItems": True, "default": list(formats.DEFAULT)},
    ),
]


class PartOfRecipient(Body):
    """What may be said of a learner."""

    name: Name | None = Field(None, examples=["Ada Lovelace"])
    email: Email | None = Field(None, examples=["ada@example.org"])
    id: Uri | None = None


class Recipient(PartOfRecipient):
    """The learner: an email (hashed in the badge) or an id (a DID, a URL); a name stays readable in the badge."""

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        if self.email is None and self.id is None:
            raise ValueError("needs an email or an id")
        return self


class Evidence(OpenBadgesBody):
    """Something that shows the achievement."""

    id: WebUrl | None = None
    name: Name | None = None
    description: Prose | None = None
    narrative: Prose | None = None
    genre: Name | None = None
    audience: Name | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("must not be empty")
        return self


class Result(OpenBadgesBody):
    """A result, of one of the achievement's result descriptions or by itself."""

    result_description: Uri | None = None
    value: Name | None = Field(None, examples=["A"])
    achieved_level: Uri | None = None
    status: Literal["Completed", "Enrolled", "Failed", "InProgress", "OnHold", "Provisional", "Withdrew"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.value is None and self.status is None and self.achieved_level is None:
            raise ValueError("needs a value, a status or an achieved level")
        return self


class Terms(Body):
    """What a badge may state beside its achievement and recipient."""

    valid_from: Instant | None = Field(None, description="Absent: now.")
    valid_until: Instant | None = None
    renewable_until: Instant | None = Field(
        None,
        description="Up to when the badge can be renewed; it does not stand in the badge, and needs a valid_until. "
        "Absent: until the badge ends.",
    )
    evidence: list[Evidence] = Field([], max_length=20)
    results: list[Result] = Field([], max_length=20)

    def order(self, recipient: PartOfRecipient) -> Order:
        """Return what is asked for, in the domain's words."""
        return Order(
            recipient_id=recipient.id,
            email=recipient.email,
            name=recipient.name,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            renewable_until=self.renewable_until,
            evidence=[each.model_dump(by_alias=True, exclude_none=True) for each in self.evidence],
            results=[each.model_dump(by_alias=True, exclude_none=True) for each in self.results],
        )


@dataclass(frozen=True)
class Asked:
    """What a batch asks for: an order for each row that can be read, those rows' own keys, and why others can't be."""

    orders: Mapping[int, Order]
    keys: Mapping[int, tuple[str, bytes]]
    refused: Mapping[int, Invalid]


class OneOrder(Terms):
    """An order for one badge."""

    achievement_id: UUID
    recipient: Recipient
    formats: WantedFormats


class BatchRow(Terms, Recipient):
    """One badge of a batch: the recipient, and what is its own; the batch's terms hold where it says nothing."""

    idempotency_key: RowKey | None = None


class BatchOrder(Terms):
    """An order for many badges of one achievement."""

    achievement_id: UUID
    formats: WantedFormats
    recipients: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MAX_ROWS,
        description="Members as in `recipient`, and each its own `valid_from`, `valid_until`, `evidence`, `results`, "
        "`idempotency_key`. A row that is wrong is answered as an error and stops no other.",
        examples=[[{"name": "Ada Lovelace", "email": "ada@example.org"}]],
    )

    dry_run: bool = Field(
        False, description="Say of each row whether it would be issued (`valid`), and issue none. Nothing is signed."
    )

    def asked(self) -> Asked:
        """Read the rows, each for itself."""
        orders: dict[int, Order] = {}
        keys: dict[int, tuple[str, bytes]] = {}
        refused: dict[int, Invalid] = {}
        for index, row in enumerate(self.recipients):
            try:
                own = BatchRow.model_validate(row)
                order = self._order(own)
                if own.idempotency_key:
                    _refuse_repeated(own.idempotency_key, keys)
                    keys[index] = own.idempotency_key, self._digest(order)
                orders[index] = order
            except ValidationError as error:
                refused[index] = refusal(error)
            except Invalid as error:
                refused[index] = error.kept()
        return Asked(orders, keys, refused)

    def _order(self, own: BatchRow) -> Order:
        recipient = Recipient(name=own.name, email=own.email, id=own.id)
        terms = {name: getattr(own if name in own.model_fields_set else self, name) for name in Terms.model_fields}
        return Terms.model_construct(**terms).order(recipient)

    def _digest(self, order: Order) -> bytes:
        """Return what a row's key stands for: the same badge asked for again, in whatever batch."""
        # What is always so is not in it, so that a key of before there were formats stands for what it did.
        others = [] if tuple(self.formats) == formats.DEFAULT else [sorted(self.formats)]
        asked = {name: value for name, value in asdict(order).items() if name not in _YOUNG or value is not None}
        return sha256(b"row of a batch\n" + orjson.dumps([self.achievement_id, asked, *others])).digest()


def _refuse_repeated(key: str, keys: Mapping[int, tuple[str, bytes]]) -> None:
    if key in (each for each, _ in keys.values()):
        raise Invalid("idempotency_key_repeated", "Another row of this batch has the same idempotency_key.")


def refusal(error: ValidationError) -> Invalid:
    """Return why a row can't be read: the first member that is wrong, and what is."""
    first = error.errors(include_input=False, include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"]) or "row"
    return Invalid("invalid_row", f"{path}: {message_of(first)}")
