"""Receipts of what was answered, and the keys that sign them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from services.verifier.api.verifications import Reading
from services.verifier.handlers.receipts import Receipts
from shared.credentials.report import Report
from shared.ops import Operator
from shared.web.problems import RESPONSES

router = APIRouter(tags=["receipts"], responses=RESPONSES)


class LoggedEvent(BaseModel):
    """An event, shown to stand in the transparency log.

    Whoever recomputes the leaf of `facts` and `salt` (docs/record.md) knows that the log says this. Both are null where
    they were erased, or are not known here.
    """

    about: Literal["issued", "status", "verification"]
    event_id: UUID
    log_index: int = Field(examples=[41])
    leaf_hash: str = Field(description="In base64.")
    inclusion: list[str] = Field(description="From leaf to root (RFC 6962 section 2.1.1), in base64.")
    facts: dict[str, Any] | None
    salt: str | None = Field(description="32 bytes, base64url without padding.")


class SigningKey(BaseModel):
    """The key that signed."""

    id: UUID
    public_key_multibase: str = Field(description="Ed25519, as Multikey.", examples=["z6Mk..."])


class Receipt(BaseModel):
    """What was answered, what it was about, and what shows that its grounds are in the log.

    `signature` is Ed25519 (base64url) over `laurel receipt v1`, a newline, and the RFC 8785 form of all other members.
    """

    type: Literal["laurel.receipt.v1"]
    made_at: str
    report: Report
    document_digest: str | None = Field(description="SHA-256 of what was checked, in hexadecimal.")
    events: list[LoggedEvent]
    checkpoint: str = Field(description="The signed note, with its cosignatures.")
    key: SigningKey
    signature: str


class Pending(BaseModel):
    """There is no receipt yet: not all of it is under a checkpoint of the log."""

    state: Literal["pending"] = "pending"


class ReceiptKey(BaseModel):
    """A key that signs receipts, or has signed them."""

    id: UUID
    public_key_multibase: str
    created_at: datetime
    retired_at: datetime | None


class PublishedKeys(BaseModel):
    """Every key of this verifier's, the newest first."""

    receipt_keys: list[ReceiptKey]


async def _receipts(request: Request) -> Receipts:
    receipts: Receipts = request.app.state.receipts
    return receipts


TheReceipts = Annotated[Receipts, Depends(_receipts)]


@router.get(
    "/v1/verifications/{verification_id}/receipt",
    response_model=None,
    responses={200: {"model": Receipt}, 202: {"model": Pending}},
)
async def receipt(
    verification_id: UUID, employer: Reading, receipts: TheReceipts, response: Response
) -> dict[str, Any] | Pending:
    """One answer as a signed file that can be checked offline, with its proofs from the transparency log.

    It says what was known then. That no later event existed, it does not show.
    """
    made = await receipts.make(employer.tenant_id, verification_id)
    response.headers["Cache-Control"] = "private, no-store"
    if made is None:
        response.status_code, response.headers["Retry-After"] = 202, "1"
        return Pending()
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-{verification_id}.json"'
    return made


@router.post("/v1/ops/receipt-keys/rotate")
async def rotate(_: Operator, receipts: TheReceipts) -> PublishedKeys:
    """Sign receipts with a new key from now on. The one of before stays published, with the time of its retirement."""
    rows = await receipts.keys.rotate()
    return PublishedKeys(receipt_keys=[ReceiptKey(**row) for row in rows])


@router.get("/.well-known/laurel-verifier.json")
async def keys(receipts: TheReceipts, response: Response) -> PublishedKeys:
    """The keys that sign this verifier's receipts."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    rows = await receipts.keys.published()
    return PublishedKeys(receipt_keys=[ReceiptKey(**row) for row in rows])
