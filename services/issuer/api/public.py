"""What anybody may read: an institution's DID document and its public keys."""

from base64 import urlsafe_b64encode
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from services.issuer.api.wire import Slug
from services.issuer.store import institutions as store
from shared.credentials.dids import did_document
from shared.credentials.keys import decode_multikey
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
    """A bare public key (RFC 8037 section 2)."""

    kty: str = Field("OKP", examples=["OKP"])
    crv: str = Field("Ed25519", examples=["Ed25519"])
    x: str
    alg: str = Field("EdDSA", examples=["EdDSA"])
    use: str = Field("sig", examples=["sig"])


@router.get("/did.json", response_class=DidDocument)
async def did_json(slug: Slug, database: AppDatabase) -> Any:
    """The institution's DID document: every key that signs or has signed (did:web method, section 2.5.2)."""
    async with database.transaction() as tx:
        rows = await store.public_signing_keys(tx, slug)
    if not rows:
        raise NotFound("institution_not_found", "There is no institution of this name.")
    keys = [decode_multikey(row["public_key_multibase"]) for row in rows]
    return DidDocument(did_document(rows[0]["did"], keys), headers=_CACHED)


@router.get("/keys/{kid}")
async def public_key(slug: Slug, kid: UUID, database: AppDatabase, response: Response) -> PublicJwk:
    """One public key as a JWK."""
    async with database.transaction() as tx:
        rows = await store.public_signing_keys(tx, slug)
    found = next((row["public_key_multibase"] for row in rows if row["key_id"] == kid), None)
    if found is None:
        raise NotFound("key_not_found", "There is no such key.")
    response.headers.update(_CACHED)
    raw = decode_multikey(found).public_bytes_raw()
    return PublicJwk(x=urlsafe_b64encode(raw).rstrip(b"=").decode())
