"""Whose badge it is: hashed identifiers in a badge, and whether they are those of an expected person."""

import hmac
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Literal

Kind = Literal["email", "name", "id"]
Match = Literal["pass", "fail", "unknown"]

_IDENTITY_TYPE = {"email": "emailAddress", "name": "name"}
_ASSERTION_TYPE = {"email": ("email",), "name": ("name",), "id": ("id", "url", "did")}
_SHA256 = "sha256$"


def identity_hash(identifier: str, salt: str) -> str:
    """Return `sha256$<hex>` of an identifier followed by its salt (Open Badges 3.0, IdentityHash)."""
    return _SHA256 + sha256((identifier + salt).encode()).hexdigest()


def normal_address(email: str) -> str:
    """Return an address as we hash it: trimmed and in lower case."""
    return email.strip().lower()


def email_identity(email: str, salt: str) -> dict[str, Any]:
    """Return the IdentityObject of an address that only somebody who knows the address can recognise."""
    return {
        "type": "IdentityObject",
        "identityType": "emailAddress",
        "hashed": True,
        "identityHash": identity_hash(normal_address(email), salt),
        "salt": salt,
    }


def name_identity(name: str) -> dict[str, Any]:
    """Return the IdentityObject of a person's name, readable: AchievementSubject has no term for a name."""
    return {"type": "IdentityObject", "identityType": "name", "hashed": False, "identityHash": name.strip()}


def matches_recipient(subject: Any, expected: Mapping[Kind, str]) -> Match:
    """Tell whether a credentialSubject is the expected person: `pass`, `fail`, or `unknown` where it does not say.

    Every expected kind must pass; one that contradicts fails. An address is tried as typed, then in lower
    case. A hash without salt, or by anything but SHA-256, tells nothing.
    """
    found = {_matches(subject, kind, value) for kind, value in expected.items()}
    if "fail" in found:
        return "fail"
    return "pass" if found == {"pass"} else "unknown"


def matches_assertion(recipient: Any, expected: Mapping[Kind, str]) -> Match:
    """Tell whether the recipient of an Open Badges 2.0 assertion is the expected person, as `matches_recipient` does.

    It is one identity (IdentityObject), of one kind: what else is known of a person can't be told from it.
    """
    found = {_matches_identity_2(recipient, kind, value) for kind, value in expected.items()}
    return next((match for match in ("fail", "unknown", "pass") if match in found), "unknown")


def _matches_identity_2(recipient: Any, kind: Kind, value: str) -> Match:
    if not isinstance(recipient, dict) or recipient.get("type") not in _ASSERTION_TYPE[kind]:
        return "unknown"
    if kind == "id" and recipient.get("hashed") is not True:
        return "pass" if recipient.get("identity") == value else "fail"
    return _matches_identity({**recipient, "identityHash": recipient.get("identity")}, kind, value)


def _matches(subject: Any, kind: Kind, value: str) -> Match:
    if not isinstance(subject, dict):
        return "unknown"
    if kind == "id":
        known = subject.get("id")
        if not isinstance(known, str):
            return "unknown"
        # Issuers make such names up where a format needs one: nobody goes by them, and so they speak against nobody.
        return "pass" if known == value else "unknown" if known.startswith("urn:uuid:") else "fail"
    found = {_matches_identity(identity, kind, value) for identity in _identities(subject, _IDENTITY_TYPE[kind])}
    return next((match for match in ("pass", "unknown", "fail") if match in found), "unknown")


def _identities(subject: Mapping[str, Any], identity_type: str) -> Iterator[Mapping[str, Any]]:
    identifiers = subject.get("identifier", [])
    for identity in identifiers if isinstance(identifiers, list) else [identifiers]:
        if isinstance(identity, dict) and identity.get("identityType") == identity_type:
            yield identity


def _matches_identity(identity: Mapping[str, Any], kind: Kind, value: str) -> Match:
    known, salt = identity.get("identityHash"), identity.get("salt")
    if not isinstance(known, str):
        return "unknown"
    if identity.get("hashed") is not True:
        return "pass" if _folded(known, kind) == _folded(value, kind) else "fail"
    if not known.startswith(_SHA256) or not isinstance(salt, str) or not salt:
        return "unknown"
    tries = dict.fromkeys((value, value.strip(), normal_address(value)))
    fits = [hmac.compare_digest(identity_hash(each, salt), known.lower()) for each in tries]
    return "pass" if any(fits) else "fail"


def _folded(text: str, kind: Kind) -> str:
    return normal_address(text) if kind == "email" else " ".join(text.split()).casefold()
