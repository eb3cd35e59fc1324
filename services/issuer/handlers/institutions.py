"""The operator makes institutions, with first signing keys and an API key; they change signing keys themselves."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.issuer.domain import changes, messages
from services.issuer.domain.formats import FIRST_ALGORITHM
from services.issuer.domain.institutions import DidMethod, did_of, further_algorithms, refuse_rotation
from services.issuer.domain.row import Row
from services.issuer.handlers.recording import record
from services.issuer.handlers.telling import institution_entries, tell
from services.issuer.signer import Signer, new_signing_key
from services.issuer.store import institutions, lists
from shared import db
from shared.api_keys import handlers as api_keys
from shared.api_keys.store import Tenant
from shared.credentials.keys import Algorithm, PrivateKey, algorithm_of, did_key, encode_multikey, method_id
from shared.db import Tx
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.messaging import outbox
from shared.web import idempotency
from shared.web.auth import NewKey, Principal
from shared.web.idempotency import Attempt


@dataclass(frozen=True)
class Founding:
    """What the operator says of a new institution."""

    name: str
    slug: str
    url: str | None
    did_method: DidMethod | None
    sandbox: bool = False


async def found(
    tx: Tx, operator: Principal, founding: Founding, attempt: Attempt | None, signer: Signer, public_url: str
) -> tuple[Row, NewKey]:
    """Make an institution with its keys; the API key is shown this once.

    Raises Conflict (`slug_taken`, `secret_already_shown`), Invalid (`did_web_needs_https`).
    """
    institution_id = new_id()
    if (made := await idempotency.claim(tx, attempt, institution_id)) is not None:
        raise Conflict(
            "secret_already_shown", "This institution was made before; its key was shown then.", id=str(made)
        )
    now, key = await db.now(tx), new_signing_key(FIRST_ALGORITHM)
    did = did_of(founding.slug, public_url, founding.did_method, key.public_key(), sandbox=founding.sandbox)
    institution = {
        "id": institution_id,
        "version": 1,
        "slug": founding.slug,
        "name": founding.name,
        "url": founding.url,
        "did": did,
        "former_dids": (),
        "standing": "registered",
        "sandbox": founding.sandbox,
        "changed_at": now,
    }
    if not await institutions.insert_institution(tx, institution):
        raise Conflict("slug_taken", "Another institution has this slug.")
    await record(tx, operator, changes.institution(institution))
    await outbox.add_many(tx, await institution_entries(tx, [institution]))
    for each in (key, *map(new_signing_key, further_algorithms(did))):
        await add_signing_key(tx, operator, institution, each, signer, now)
    return institution, await api_keys.make_first(tx, Tenant("institution", institution_id), now)


async def renew_signing_key(
    tx: Tx,
    who: Principal,
    institution_id: UUID,
    algorithm: Algorithm,
    attempt: Attempt | None,
    signer: Signer,
    *,
    did_per_key: str | None = None,
) -> Row:
    """Make a signing key of a kind in place of the one in use, if there is one, and return it.

    The one institution of the slug `did_per_key`, if it is a did:key, gets a DID of its own for each further key: for
    conformance suites. Status lists are signed anew where the key was theirs. Raises Conflict
    (`rotation_needs_did_web`).
    """
    await institutions.lock_institution(tx, institution_id)
    institution = await existing(tx, institution_id)
    key_id = new_id()
    if institution["slug"] != did_per_key or algorithm == FIRST_ALGORITHM:
        refuse_rotation(institution["did"])
    if (made := await idempotency.claim(tx, attempt, key_id)) is not None:
        return next(row for row in await institutions.signing_keys(tx, institution_id) if row["id"] == made)
    key = await asyncio.to_thread(new_signing_key, algorithm)  # an RSA key takes a while
    # Whoever stores a badge holds the key's row: the clock is read when the last one signed with the old key is in.
    await institutions.lock_active_key(tx, institution_id, algorithm)
    now = await db.now(tx)
    retired = await institutions.retire_active_key(tx, institution_id, algorithm, now)
    if retired:
        await tell(tx, (messages.signing_key(retired), now))
        await record(tx, who, changes.signing_key(retired))
    if algorithm == FIRST_ALGORITHM:
        await lists.mark_all_changed(tx, institution_id)
    did = did_key(key.public_key()) if institution["did"].startswith("did:key:") else institution["did"]
    return await add_signing_key(tx, who, {**institution, "did": did}, key, signer, now, key_id)


async def signing_keys(tx: Tx, institution_id: UUID) -> Sequence[Row]:
    """Return an institution's signing keys, oldest first."""
    await existing(tx, institution_id)
    return await institutions.signing_keys(tx, institution_id)


async def existing(tx: Tx, institution_id: UUID) -> Row:
    """Return an institution; raises NotFound where there is none, or it is another tenant's."""
    row = await institutions.institution(tx, institution_id)
    if row is None:
        raise NotFound("institution_not_found", "There is no institution with this id.")
    return row


async def add_signing_key(
    tx: Tx,
    who: Principal,
    institution: Row,
    key: PrivateKey,
    signer: Signer,
    now: datetime,
    key_id: UUID | None = None,
) -> Row:
    """Store a new signing key of an institution, sealed, and tell of its public half."""
    key_id = key_id or new_id()
    row = {
        "id": key_id,
        "version": 1,
        "institution_id": institution["id"],
        "did": institution["did"],
        "algorithm": algorithm_of(key),
        "verification_method": method_id(institution["did"], key.public_key()),
        "public_key_multibase": encode_multikey(key.public_key()),
        "sealed": signer.seal(key_id, key),
        "created_at": now,
        "retired_at": None,
    }
    await institutions.insert_signing_key(tx, row)
    await tell(tx, (messages.signing_key(row), now))
    await record(tx, who, changes.signing_key(row))
    return row
