"""What anybody may read: an institution's DID document and its public keys."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from services.issuer.api.wire import Slug
from services.issuer.domain.formats import FIRST_ALGORITHM
from services.issuer.store import institutions as store
from shared.credentials.dids import did_document
from shared.credentials.jwk import to_jwk
from shared.credentials.keys import algorithm_of, decode_multikey
from shared.errors import NotFound
from shared.web.databases import AppDatabase
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/institutions/{slug}", tags=["public"], route_class=StrictRoute)

# A rotated key is needed soon, a known one never changes.
_CACHED = {"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"}


class DidDocument(JSONResponse):
    """A DID document in its JSON-LD form."""

    media_type = "application/did+ld+json"


class PublicJwk(BaseModel):
    """A bare public key (RFC 7517 section 4), with the members that its kind has."""

    kty: str = Field(examples=["OKP"])
    alg: str = Field(examples=["EdDSA"])
    use: str = Field("sig", examples=["sig"])
    crv: str | None = Field(None, examples=["Ed25519"])
    x: str | None = None
    y: str | None = None
    n: str | None = None
    e: str | None = None


@router.get("/did.json", response_class=DidDocument)
async def did_json(slug: Slug, database: AppDatabase) -> Any:
    """The institution's DID document: every key that signs or has signed in its name (did:web method, section 2.5.2).

    Each stands there twice: as Multikey for proofs, as JsonWebKey for tokens. Keys of a DID that the institution had
    before are not among them; that DID is in `alsoKnownAs`. A key that was withdrawn is `revoked`.
    """
    async with database.transaction() as tx:
        rows = await store.published_keys(tx, slug)
    if not rows:
        raise NotFound("institution_not_found", "There is no institution of this name.")
    did, former = rows[0]["did"], rows[0]["former_dids"]
    own = [row for row in rows if row["key_did"] == did]
    found = {row["key_id"]: decode_multikey(row["public_key_multibase"]) for row in own}
    # Those of the usual proof first: there are readers that look no further.
    keys = dict(sorted(found.items(), key=lambda each: algorithm_of(each[1]) != FIRST_ALGORITHM))
    revoked = {row["public_key_multibase"]: row["withdrawn_since"] for row in own if row["withdrawn_since"]}
    return DidDocument(did_document(did, keys.values(), keys, former, revoked), headers=_CACHED)


@router.get("/keys/{kid}", response_model_exclude_none=True)
async def public_key(slug: Slug, kid: UUID, database: AppDatabase, response: Response) -> PublicJwk:
    """One public key as a JWK."""
    async with database.transaction() as tx:
        rows = await store.published_keys(tx, slug)
    found = next((row["public_key_multibase"] for row in rows if row["key_id"] == kid), None)
    if found is None:
        raise NotFound("key_not_found", "There is no such key.")
    response.headers.update(_CACHED)
    key = decode_multikey(found)
    return PublicJwk(alg=algorithm_of(key), **to_jwk(key))
