"""Under which DID an institution signs, with which keys it begins, and when they may change."""

from typing import Literal

from shared.credentials.dids import did_web
from shared.credentials.keys import Algorithm, PublicKey, did_key
from shared.errors import Conflict, Invalid

DidMethod = Literal["web", "key"]


def did_of(slug: str, public_url: str, method: DidMethod | None, key: PublicKey) -> str:
    """Return a new institution's DID: did:web where there is a public https address, did:key elsewhere.

    Raises Invalid (`did_web_needs_https`) where did:web is asked for without such an address.
    """
    https = public_url.startswith("https://")
    if method == "web" and not https:
        raise Invalid("did_web_needs_https", "A did:web institution needs a public address with https.")
    return did_key(key) if method == "key" or not https else did_web(public_url, slug)


def further_algorithms(did: str) -> tuple[Algorithm, ...]:
    """Return the kinds of key that a new institution has beside its first: those of the formats that are issued."""
    return () if did.startswith("did:key:") else ("ES256",)


def refuse_rotation(did: str) -> None:
    """Raise Conflict where another key would be another DID."""
    if did.startswith("did:key:"):
        raise Conflict("rotation_needs_did_web", "A did:key is its key; only a did:web institution can change keys.")
