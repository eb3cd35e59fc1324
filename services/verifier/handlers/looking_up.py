"""Looks up what the state topics say of documents' issuers and ids."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.verifier.domain.history import Change, StandingSince
from services.verifier.domain.known import Institution, Known, Recorded, SigningKey, credential_id_in
from services.verifier.store import known as store
from shared.credentials.report import CredentialFacts, LogPlace
from shared.db import Tx

ISSUER = "/laurel/issuer"

Row = Mapping[str, Any]


async def look_up(tx: Tx, facts: Sequence[CredentialFacts], as_of: datetime | None = None) -> list[Known]:
    """Return what is known here, at one moment, of each document's issuer and id; `as_of` is as `Known` has it."""
    return await _look_up(tx, [(each.issuer_id, credential_id_in(each.id), None) for each in facts], as_of)


async def look_up_signed(tx: Tx, facts: Sequence[CredentialFacts], as_of: datetime | None = None) -> list[Known]:
    """Return the same of documents that are known by what was signed, because their ids are not ours."""
    return await _look_up(tx, [(each.issuer_id, None, each.digest) for each in facts], as_of)


async def _look_up(tx: Tx, wanted: Sequence[store.Wanted], as_of: datetime | None) -> list[Known]:
    rows = await store.look_up(tx, ISSUER, wanted)
    heard = {int(shard): datetime.fromisoformat(time) for shard, time in (rows[0]["heard"] or {}).items()}
    return [
        Known(
            now=rows[0]["now"],
            issuer=_institution(row, "issuer"),
            keys=tuple(map(_signing_key, row["keys"])),
            credential_id=row["credential_id"] or credential_id,
            recorded=_recorded(row),
            owner=_institution(row, "owner"),
            heard=heard,
            held=frozenset(row["held"]),
            as_of=as_of,
        )
        for row, (_, credential_id, _) in zip(rows, wanted, strict=True)
    ]


def _institution(row: Row, role: str) -> Institution | None:
    if row[f"{role}_id"] is None:
        return None
    return Institution(
        row[f"{role}_id"],
        row[f"{role}_name"],
        row[f"{role}_did"],
        row[f"{role}_standing"],
        row[f"{role}_sandbox"],
        version=row[f"{role}_version"],
        standings=tuple(
            StandingSince(each["version"], each["standing"], datetime.fromisoformat(each["time"]))
            for each in row[f"{role}_standings"]
        ),
    )


def _recorded(row: Row) -> Recorded | None:
    if row["credential_id"] is None:
        return None
    traceparents = tuple(entry.get("traceparent") for entry in row["history"])
    return Recorded(
        id=row["credential_id"],
        institution_id=row["institution_id"],
        status=row["status"],
        document_digest=row["document_digest"],
        token_digest=row["token_digest"],
        traceparents=traceparents,
        lists=tuple(place["list_id"] for place in row["positions"]),
        version=row["version"],
        history=tuple(
            Change(each["version"], each["type"], datetime.fromisoformat(each["time"])) for each in row["history"]
        ),
        log=None if row["log_origin"] is None else LogPlace(origin=row["log_origin"], log_index=row["log_index"]),
        replaced_by=row["replaced_by"],
    )


def _signing_key(key: Mapping[str, Any]) -> SigningKey:
    return SigningKey(
        id=UUID(key["id"]),
        verification_method=key["verification_method"],
        public_key_multibase=key["public_key_multibase"],
        created_at=datetime.fromisoformat(key["created_at"]),
        retired_at=datetime.fromisoformat(key["retired_at"]) if key["retired_at"] else None,
    )
