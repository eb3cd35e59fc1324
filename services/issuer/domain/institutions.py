"""Under which DID an institution signs, with which keys it begins, and when they may change."""

from typing import Literal

from services.issuer.domain.row import Row
from shared.credentials.dids import did_web
from shared.credentials.keys import Algorithm, PublicKey, did_key
from shared.errors import Conflict, Invalid

DidMethod = Literal["web", "key"]


def did_of(slug: str, public_url: str, method: DidMethod | None, key: PublicKey) -> str:
    """Return a new institution's DID: did:web where there is a public https address, did:key elsewhere.

    Raises Invalid (`did_web_needs_https`) where did:web is asked for without such an address.
    """
    if method == "web":
        refuse_did_web_without_https(public_url)
    as_web = method != "key" and public_url.startswith("https://")
    return did_web(public_url, slug) if as_web else did_key(key)


def moved_did(institution: Row, public_url: str) -> str:
    """Return the did:web that an institution is to have in place of its did:key.

    Raises Conflict (`did_web_already`, `institution_withdrawn`), Invalid (`did_web_needs_https`).
    """
    if not institution["did"].startswith("did:key:"):
        raise Conflict("did_web_already", "This institution has a did:web.", did=institution["did"])
    refuse_withdrawn(institution)
    refuse_did_web_without_https(public_url)
    return did_web(public_url, institution["slug"])


def refuse_withdrawn(institution: Row) -> None:
    """Raise Conflict where an institution issues no more."""
    if institution["standing"] != "registered":
        raise Conflict("institution_withdrawn", "This institution is withdrawn; it issues no more badges.")


def refuse_did_web_without_https(public_url: str) -> None:
    """Raise Invalid where this deployment has no public https address, at which a did:web's document could stand."""
    if not public_url.startswith("https://"):
        raise Invalid("did_web_needs_https", "A did:web institution needs a public address with https.")


def further_algorithms(did: str) -> tuple[Algorithm, ...]:
    """Return the kinds of key that a new institution has beside its first: those of the formats that are issued."""
    return () if did.startswith("did:key:") else ("ES256",)


def refuse_rotation(did: str) -> None:
    """Raise Conflict where another key would be another DID."""
    if did.startswith("did:key:"):
        raise Conflict("rotation_needs_did_web", "A did:key is its key; only a did:web institution can change keys.")
