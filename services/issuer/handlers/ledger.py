"""What the issuer really has, line by line, for the ledger check."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from services.issuer.domain import committing
from services.issuer.domain.messages import list_version
from services.issuer.store import changes, credentials, lists
from shared.credentials.status import decode_list, set_indexes
from shared.db import Tx
from shared.ops import as_uuid

# What comes after the credentials, whose ids begin with a hexadecimal digit.
_LEAF = "leaf:"
_LIST = "list:"


async def lines(tx: Tx, after: str | None, limit: int) -> Sequence[dict[str, Any]]:
    """Return up to `limit` lines in the order of their ids, after the id `after`.

    Credentials come first, then what else the transparency log should have, then status lists. No salt is told.
    """
    found: list[dict[str, Any]] = []
    begun = max(n for n, (prefix, _) in enumerate(_SECTIONS) if (after or "").startswith(prefix))
    for prefix, read in _SECTIONS[begun:]:
        place = as_uuid(after.removeprefix(prefix)) if after else None
        found += await read(tx, place, limit - len(found))
        after = None
    return found


async def _credentials(tx: Tx, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    rows = await credentials.in_order_of_ids(tx, after, limit)
    ids = [row["id"] for row in rows]
    histories, positions = await credentials.histories(tx, ids), await credentials.positions(tx, ids)
    return [
        {
            "kind": "credential",
            "id": str(row["id"]),
            "institution_id": str(row["institution_id"]),
            "status": row["status"],
            "versions": [
                {
                    "version": entry["version"],
                    "type": entry["type"],
                    "event_id": str(entry["event_id"]),
                    "commitment": committing.of_version(row, entry),
                }
                for entry in histories[row["id"]]
            ],
            "positions": [place.model_dump(mode="json") for place in positions[row["id"]]],
            "document_digest": row["document_digest"].hex(),
            "token_digest": row["token_digest"].hex() if row["token_digest"] else None,
        }
        for row in rows
    ]


async def _changes(tx: Tx, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    return [
        {
            "kind": "change",
            "id": f"{_LEAF}{row['event_id']}",
            "type": row["type"],
            "key": row["key"],
            "version": row["version"],
            "commitment": committing.of_change(row),
        }
        for row in await changes.in_order_of_events(tx, after, limit)
    ]


async def _lists(tx: Tx, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    return [
        {
            "kind": "status_list",
            "id": f"{_LIST}{row['id']}",
            "purpose": row["purpose"],
            "epoch_n": list_version(row["epoch"], row["n"]),
            "set": _set_bits(row["credential"]),
        }
        for row in await lists.signed_in_order_of_ids(tx, after, limit)
    ]


def _set_bits(credential: str) -> list[int]:
    return set_indexes(decode_list(orjson.loads(credential)["credentialSubject"]["encodedList"]))


_SECTIONS = (("", _credentials), (_LEAF, _changes), (_LIST, _lists))
