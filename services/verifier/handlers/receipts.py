"""Makes receipts: what was answered, shown to be logged, in a file that is checked without us."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from services.verifier.domain.receipts import Event, events_of, pending
from services.verifier.domain.records import recalled
from services.verifier.log_reader import Head, LogReader, contradicts
from services.verifier.receipt_keys import ReceiptKeys
from services.verifier.store import receipts as store
from services.verifier.store import verifications
from shared.credentials import base64url
from shared.credentials.receipts import signed_form
from shared.db import Database, Tx, now
from shared.errors import Conflict, NotFound, Unavailable
from shared.transparency.commitments import commitment
from shared.transparency.merkle import leaf_hash

Places = Mapping[UUID, tuple[str, int]]


@dataclass(frozen=True)
class Receipts:
    """Where receipts are made; transactions are short ones, for the log is read in between."""

    database: Database
    reader: LogReader
    keys: ReceiptKeys

    async def make(self, employer_id: UUID, verification_id: UUID) -> dict[str, Any] | None:
        """Return the receipt of an employer's verification; None while the log does not show all of it.

        Raises NotFound, Conflict (`not_logged`), Unavailable as `LogReader` does, or `status_unavailable`,
        `log_superseded`.
        """
        async with self.database.transaction(employer_id) as tx:
            row, events = await _found(tx, verification_id)
            places = await store.places(tx, [each.id for each in events])
            at = await now(tx)
        head = await self.reader.head()
        if pending(events, places, head.checkpoint.origin, head.checkpoint.size):
            return None
        receipt = {
            "type": "laurel.receipt.v1",
            "made_at": at.isoformat(),
            "report": recalled(row).model_dump(mode="json"),
            "document_digest": row["document_digest"],
            "events": [await self._shown(each, places, head) for each in events],
            "checkpoint": head.note,
        }
        return await self._signed(receipt)

    async def _shown(self, event: Event, places: Places, head: Head) -> dict[str, Any]:
        origin, index = places[event.id]
        if origin != head.checkpoint.origin:
            raise Unavailable("log_superseded", "It stands in a log that is not written to any more.")
        included = await self.reader.included(head, index)
        opening = (event.salt, event.facts) if event.salt and event.facts else None
        if opening and leaf_hash(commitment(*opening)) != included.leaf:
            raise contradicts(f"leaf {index} is not the event that is said to stand there")
        return {
            "about": event.about,
            "event_id": str(event.id),
            "log_index": index,
            "leaf_hash": _base64(included.leaf),
            "inclusion": [_base64(each) for each in included.hashes],
            "facts": opening[1] if opening else None,
            "salt": base64url.encode(opening[0]) if opening else None,
        }

    async def _signed(self, receipt: dict[str, Any]) -> dict[str, Any]:
        key = await self.keys.current()
        whole = {**receipt, "key": {"id": str(key.id), "public_key_multibase": key.public_key_multibase}}
        return {**whole, "signature": base64url.encode(key.private_key.sign(signed_form(whole)))}


async def _found(tx: Tx, verification_id: UUID) -> tuple[Any, Sequence[Event]]:
    row = await verifications.one(tx, verification_id)
    if row is None:
        raise NotFound("verification_not_found", "There is no verification with this id.")
    credential = await store.credential(tx, row["credential_id"]) if row["credential_id"] else None
    if row["credential_id"] and credential is None:
        raise Unavailable("status_unavailable", "What is known of the badge is being read anew.", retry_after=5)
    events = events_of(row, credential)
    if not events:
        raise Conflict("not_logged", "This was answered before there was a log, and of no badge of ours.")
    salts = await store.salts(tx, [each.id for each in events])
    return row, [replace(each, salt=each.salt or salts.get(each.id)) for each in events]


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()
