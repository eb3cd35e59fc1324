"""What the registry answers from its tables, each in the open transaction of a request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from asyncpg import Record

from services.registry.domain import rules
from services.registry.store import published, record
from shared import db
from shared.credentials.badge import achievement_document
from shared.db import Tx
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class Owned:
    """What a record holds beyond its public form."""

    history: list[Record]
    document: dict[str, Any] | None
    verifications: int


async def public_form(tx: Tx, credential_id: UUID) -> Record:
    """Return the public form of a record; raises NotFound."""
    form = await record.public_credential(tx, credential_id)
    if form is None:
        raise NotFound("credential_not_found", "There is no credential with this id.")
    return form


async def owned_form(tx: Tx, form: Record) -> Owned | None:
    """Return what the owner sees beyond the public `form`; None where the transaction's tenant is not the owner.

    All is asked for before anything is decided, so that another's badge costs the same statements as one's own.
    """
    history = await record.owned_history(tx, form["id"], form["version"])
    document = await record.owned_document(tx, form["id"])
    verifications = await record.count_verifications(tx, form["id"])
    if not history:
        return None
    return Owned(history, orjson.loads(document) if document else None, verifications)


async def document(tx: Tx, credential_id: UUID, owner_token: str | None) -> str:
    """Return the signed document to the transaction's tenant, or to whoever holds the owner link's token.

    Raises NotFound, in the same words whether there is no such badge or no right to it.
    """
    found = await record.owned_document(tx, credential_id)
    if found is None and owner_token:
        found = await record.document_for_token(tx, credential_id, rules.owner_token_hash(owner_token))
    if found is None:
        raise NotFound(
            "document_not_found",
            "There is no such document, or no right to it was shown: the owner's link or key.",
        )
    return found


async def status_list(tx: Tx, list_id: UUID, as_of: datetime | None) -> Record:
    """Return a signed status list, now or as of a time, to the minute.

    Raises NotFound, with the reason, and Malformed for a time to come.
    """
    if as_of is not None:
        rules.check_as_of(as_of, await db.now(tx))
        if found := await published.list_as_of(tx, list_id, as_of):
            return found
    current = await published.current_list(tx, list_id)
    if current is None:
        raise NotFound("status_list_not_found", "There is no status list with this id.", type=rules.RETRIEVAL_ERROR)
    if as_of is not None:
        raise NotFound(
            "status_list_not_yet_signed", "This status list had not been signed by then.", type=rules.RETRIEVAL_ERROR
        )
    return current


async def achievement(tx: Tx, achievement_id: UUID, number: int, *, demo: bool) -> dict[str, Any]:
    """Return a published version of an achievement as an Open Badges 3.0 document; raises NotFound."""
    found = await published.achievement(tx, achievement_id, number)
    if found is None:
        raise NotFound("achievement_not_found", "There is no such published version of an achievement.")
    # The European elements without an Open Badges term would be undefined terms here; they stand in the record.
    badge_form = {name: value for name, value in found["achievement"].items() if name != "micro_credential"}
    return achievement_document(badge_form, creator=found["did"], demo=demo)


async def own_achievement(tx: Tx, achievement_id: UUID) -> None:
    """Raise NotFound unless the transaction's tenant has such an achievement."""
    if not await record.has_achievement(tx, achievement_id):
        raise NotFound("achievement_not_found", "There is no achievement with this id.")


async def image(tx: Tx, achievement_id: UUID, number: int) -> bytes:
    """Return the PNG of a published version of an achievement; raises NotFound."""
    png = await published.image(tx, achievement_id, number)
    if png is None:
        raise NotFound("image_not_found", "There is no image of such an achievement.")
    return png
