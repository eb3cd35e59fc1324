"""Looks up what the state topics say of documents' issuers and ids."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from services.verifier.domain.known import Institution, Known, Recorded, SigningKey, credential_id_in
from services.verifier.store import known as store
from shared.credentials.report import CredentialFacts
from shared.db import Tx
from shared.messaging import projections

ISSUER = "/laurel/issuer"

Row = Mapping[str, Any]


async def look_up(tx: Tx, facts: Sequence[CredentialFacts]) -> list[Known]:
    """Return what is known here, at one moment, of each document's issuer and id."""
    await store.freeze(tx)
    now, heard = await store.heard(tx, ISSUER)
    wanted = [(each.issuer_id, credential_id_in(each.id)) for each in facts]
    rows = await store.issuers_and_records(tx, wanted)
    dids = {row["issuer_did"] for row in rows if row["issuer_did"]}
    keys = {
        did: tuple(_signing_key(row) for row in group)
        for did, group in groupby(await store.signing_keys(tx, dids) if dids else (), key=lambda row: row["did"])
    }
    aggregates = {str(part) for _, part in wanted if part} | {str(row["issuer_id"]) for row in rows if row["issuer_id"]}
    held = await projections.held(tx, aggregates | {str(key.id) for group in keys.values() for key in group})
    return [
        Known(
            now=now,
            issuer=_institution(row, "issuer"),
            keys=keys.get(row["issuer_did"], ()),
            credential_id=credential_id,
            recorded=_recorded(row),
            owner=_institution(row, "owner"),
            heard=heard,
            held=frozenset(held),
        )
        for row, (_, credential_id) in zip(rows, wanted, strict=True)
    ]


def _institution(row: Row, role: str) -> Institution | None:
    if row[f"{role}_id"] is None:
        return None
    return Institution(row[f"{role}_id"], row[f"{role}_name"], row[f"{role}_did"], row[f"{role}_standing"])


def _recorded(row: Row) -> Recorded | None:
    if row["credential_id"] is None:
        return None
    traceparents = tuple(entry.get("traceparent") for entry in row["history"])
    return Recorded(row["credential_id"], row["institution_id"], row["status"], row["document_digest"], traceparents)


def _signing_key(row: Row) -> SigningKey:
    return SigningKey(
        row["id"], row["verification_method"], row["public_key_multibase"], row["created_at"], row["retired_at"]
    )
