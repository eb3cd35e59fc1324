"""What a receipt's file says, as far as a check needs it; whatever else stands there, the signature covers too."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cli.log.files import Finding
from shared.credentials.errors import CredentialError
from shared.credentials.strict_json import read_json
from shared.transparency.proof_files import MAX_HASHES

About = Literal["issued", "status", "verification"]
PENDING = {"state": "pending"}


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True)


class Event(_Said):
    """An event with its place in the log, and what opens its leaf: both or neither of `facts` and `salt`."""

    about: About
    event_id: UUID
    log_index: Annotated[int, Field(strict=True)]
    leaf_hash: str
    inclusion: Annotated[tuple[str, ...], Field(max_length=MAX_HASHES)]
    facts: dict[str, str | int] | None
    salt: str | None


class Outcome(_Said):
    """What came of one check of the report."""

    name: str
    outcome: str
    code: str | None


class Issuer(_Said):
    """The report's issuer."""

    standing: str


class Credential(_Said):
    """The report's credential."""

    digest: str | None


class Report(_Said):
    """The report as it was recorded."""

    id: UUID
    verdict: Literal["valid", "invalid", "unknown"]
    reason: str | None
    checks: tuple[Outcome, ...]
    credential: Credential
    issuer: Issuer
    verified_at: AwareDatetime
    as_of: AwareDatetime | None = None


class Key(_Said):
    """The key that signed."""

    id: UUID
    public_key_multibase: str


class PublishedKey(Key):
    """A key as the verifier publishes it."""

    retired_at: AwareDatetime | None


class PublishedKeys(_Said):
    """What stands at a verifier's `/.well-known/laurel-verifier.json`."""

    receipt_keys: tuple[PublishedKey, ...]


class Receipt(_Said):
    """A receipt, nothing of it checked."""

    type: Literal["laurel.receipt.v1"]
    made_at: AwareDatetime
    report: Report
    document_digest: str | None
    events: tuple[Event, ...]
    checkpoint: str
    key: Key
    signature: str

    def event(self, about: About) -> Event | None:
        """Return the event of a kind; None where there is none."""
        return next((each for each in self.events if each.about == about), None)


def read_receipt(raw: bytes) -> tuple[dict[str, Any], Receipt | None]:
    """Return the JSON object that a file is, and the receipt that it says; None for one that is pending.

    Raises Finding for what is neither.
    """
    try:
        said = read_json(raw)
        if said == PENDING:
            return said, None
        return said, Receipt.model_validate(said)
    except CredentialError as error:
        raise Finding(f"The file is no receipt: {error.detail}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise Finding(f"The file is no receipt: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error


def utc(time: datetime) -> str:
    """Return a time for people."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
