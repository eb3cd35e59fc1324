"""Badges of Open Badges 2.0, and what of theirs stands at their issuer's addresses."""

from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.credentials import base64url
from shared.credentials.identity import identity_hash
from shared.credentials.keys import PrivateKey, algorithm_of, sign_message
from shared.credentials.open_badges_2 import CONTEXT

HOST = "https://old.example"
ASSERTION, CLASS, ISSUER, KEY, LIST = (f"{HOST}/{name}" for name in ("assertions/1", "class", "issuer", "key", "list"))
UUID = "urn:uuid:7b2b6b4c-1111-4222-8333-444455556666"
EMAIL, SALT = "ada@example.org", "c2FsdA"
RSA = rsa.generate_private_key(65537, 2048)


def an_assertion(**members: Any) -> dict[str, Any]:
    """A hosted assertion; a member that is None is left out."""
    assertion = {
        "@context": CONTEXT,
        "type": "Assertion",
        "id": ASSERTION,
        "recipient": {"type": "email", "hashed": True, "salt": SALT, "identity": identity_hash(EMAIL, SALT)},
        "badge": CLASS,
        "verification": {"type": "HostedBadge"},
        "issuedOn": "2020-01-01T00:00:00Z",
        **members,
    }
    return {name: member for name, member in assertion.items() if member is not None}


def a_class(**members: Any) -> dict[str, Any]:
    return {"@context": CONTEXT, "type": "BadgeClass", "id": CLASS, "name": "Rhetoric", "issuer": ISSUER, **members}


def a_profile(**members: Any) -> dict[str, Any]:
    return {"@context": CONTEXT, "type": "Issuer", "id": ISSUER, "name": "Old College", **members}


def a_key_document(key: PrivateKey = RSA, **members: Any) -> dict[str, Any]:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    named = {"@context": CONTEXT, "type": "CryptographicKey", "id": KEY, "owner": ISSUER}
    return {**named, "publicKeyPem": pem, **members}


def a_list(*revoked: Any, **members: Any) -> dict[str, Any]:
    named = {"@context": CONTEXT, "type": "RevocationList", "id": LIST, "issuer": ISSUER}
    return {**named, "revokedAssertions": list(revoked), **members}


def hosted(assertion: dict[str, Any] | None = None, **pages: Any) -> dict[str, Any]:
    """What stands at the addresses of a hosted badge; `profile` and `kind` may be others."""
    return {
        ASSERTION: an_assertion() if assertion is None else assertion,
        CLASS: pages.get("kind", a_class()),
        ISSUER: pages.get("profile", a_profile()),
    }


def signed(key: PrivateKey = RSA, header: dict[str, Any] | None = None, **members: Any) -> str:
    """A signed assertion, as a token."""
    named = {"id": UUID, "verification": {"type": "SignedBadge", "creator": KEY}, **members}
    parts = [header or {"alg": algorithm_of(key)}, an_assertion(**named)]
    text = ".".join(base64url.encode(orjson.dumps(part)) for part in parts)
    return f"{text}.{base64url.encode(sign_message(key, text.encode()))}"


def behind_signed(key: PrivateKey = RSA, **pages: Any) -> dict[str, Any]:
    """What stands at the addresses of a signed badge; `profile`, `kind`, `key_document` and `list` may be others."""
    return {
        CLASS: pages.get("kind", a_class()),
        ISSUER: pages.get("profile", a_profile(publicKey=KEY, revocationList=LIST)),
        KEY: pages.get("key_document", a_key_document(key)),
        LIST: pages.get("list", a_list("urn:uuid:another")),
    }
