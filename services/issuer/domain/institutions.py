"""Under which DID an institution signs, with which keys it begins, and when they may change."""

from datetime import datetime
from typing import Literal

from services.issuer.domain.row import Row
from shared.credentials.dids import did_here, did_web
from shared.credentials.errors import InvalidKey
from shared.credentials.keys import Algorithm, PublicKey, did_key
from shared.errors import Conflict, Invalid

DidMethod = Literal["web", "key"]


def did_of(slug: str, public_url: str, method: DidMethod | None, key: PublicKey, *, sandbox: bool = False) -> str:
    """Return a new institution's DID: did:web where there is a public https address, did:key elsewhere.

    A sandbox may ask for a did:web on this machine, which is known here alone. Raises Invalid (`did_web_needs_https`)
    where did:web is asked for without such an address.
    """
    as_web = method == "web" or (method is None and public_url.startswith("https://"))
    return _did_web(slug, public_url, sandbox=sandbox) if as_web else did_key(key)


def moved_did(institution: Row, public_url: str) -> str:
    """Return the did:web that an institution is to have in place of its did:key.

    Raises Conflict (`did_web_already`, `institution_withdrawn`), Invalid (`did_web_needs_https`).
    """
    if not institution["did"].startswith("did:key:"):
        raise Conflict("did_web_already", "This institution has a did:web.", did=institution["did"])
    refuse_withdrawn(institution)
    return _did_web(institution["slug"], public_url, sandbox=institution["sandbox"])


def refuse_withdrawn(institution: Row) -> None:
    """Raise Conflict where an institution issues no more."""
    if institution["standing"] != "registered":
        raise Conflict("institution_withdrawn", "This institution is withdrawn; it issues no more badges.")


def _did_web(slug: str, public_url: str, *, sandbox: bool) -> str:
    try:
        if sandbox and not public_url.startswith("https://"):
            return did_here(public_url, slug)
        return did_web(public_url, slug)
    except InvalidKey as error:
        detail = "A did:web institution needs a public address with https; a sandbox's may be one of this machine."
        raise Invalid("did_web_needs_https", detail) from error


def further_algorithms(did: str) -> tuple[Algorithm, ...]:
    """Return the kinds of key that a new institution has beside its first: those of the formats that are issued."""
    return () if did.startswith("did:key:") else ("ES256",)


def refuse_rotation(did: str) -> None:
    """Raise Conflict where another key would be another DID."""
    if did.startswith("did:key:"):
        raise Conflict("rotation_needs_did_web", "A did:key is its key; only a did:web institution can change keys.")


def withdrawn_at(key: Row, since: datetime, now: datetime) -> datetime | None:
    """Return when a key counts as retired that is withdrawn `since` a time; None where it is withdrawn since then.

    Raises Conflict (`withdrawal_needs_did_web`), Invalid (`since_in_future`, `since_before_key`).
    """
    if key["did"].startswith("did:key:"):
        detail = "A did:key is its key, for good: move to a did:web, then revoke what the old key signed."
        raise Conflict("withdrawal_needs_did_web", detail)
    if since > now:
        raise Invalid("since_in_future", "A key is withdrawn since a time in the past.")
    if since < key["created_at"]:
        raise Invalid("since_before_key", f"This key was made at {key['created_at'].isoformat()}, after that time.")
    at: datetime = min(since, key["retired_at"] or since)
    return None if key["withdrawn"] and key["retired_at"] == at else at
