"""How old a copy of something may be for an answer to rest on it."""

from datetime import datetime
from typing import Any

from shared.credentials.check import document_in
from shared.credentials.instants import read_instant

# Members of documents that say who somebody is; everything else may say how a badge stands.
_OF_ISSUERS = frozenset({"verificationMethod", "assertionMethod", "publicKeyPem", "publicKey", "kty", "criteria"})
_OF_STATUS = frozenset({"credentialSubject", "revokedCredential", "revokedAssertions", "verification", "revoked"})
_ENDS = ("validUntil", "expirationDate")


def is_too_old(value: Any, age: float, now: datetime, max_status_age: float) -> bool:
    """Tell whether a value must be fetched anew that was fetched `age` seconds before `now`.

    Documents of issuers, keys and classes of badges live as long as they are kept. Whatever may say how a badge stands
    lives for `max_status_age` seconds at most, and not beyond its own `ttl` (Bitstring Status List 1.0 section 2.2) or
    end. What was fetched for this very request (an age of 0 or less) is never too old.
    """
    if age <= 0:
        return False
    document = document_in(value)
    if not isinstance(document, dict):
        return age > max_status_age
    if _OF_ISSUERS & document.keys() and not _OF_STATUS & document.keys():
        return False
    ends = [at for name in _ENDS if (at := read_instant(document.get(name))) is not None]
    return age > min(max_status_age, _ttl(document)) or any(at <= now for at in ends)


def _ttl(document: dict[str, Any]) -> float:
    """Return a list's time to live in seconds; without end where it names none, 0 for one that is no number."""
    subject = document.get("credentialSubject")
    ttl = subject.get("ttl") if isinstance(subject, dict) else None
    if ttl is None:
        return float("inf")
    return ttl / 1000 if isinstance(ttl, int | float) and not isinstance(ttl, bool) else 0.0
