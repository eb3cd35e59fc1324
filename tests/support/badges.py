"""Builders of badges, keys and signed documents, each complete and each changeable in one place."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.credentials.badge import Issuer, Recipient, open_badge
from shared.credentials.keys import PrivateKey, did_key, method_id
from shared.credentials.proofs import sign
from shared.credentials.status import status_entry

SIGNED_AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
LIST_URL = "https://badges.example/status-lists/7d0e1f6a-1111-4222-8333-444455556666"


def a_key(seed: int = 1) -> Ed25519PrivateKey:
    """Return the Ed25519 key of a small number."""
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def an_ec_key(seed: int = 1, curve: Literal["P-256", "P-384"] = "P-256") -> ec.EllipticCurvePrivateKey:
    """Return the ECDSA key of a small number."""
    return ec.derive_private_key(seed + 1_000, ec.SECP256R1() if curve == "P-256" else ec.SECP384R1())


def a_method(key: PrivateKey) -> str:
    """Return the verification method of a key as its did:key."""
    return method_id(did_key(key.public_key()), key.public_key())


def an_achievement(**members: Any) -> dict[str, Any]:
    """Return an achievement with every kind of member: texts, numbers, sets, a list, nested objects."""
    return {
        "id": "https://badges.example/achievements/5f0c/1",
        "name": "Fire safety",
        "description": "Knows how to leave a burning house.",
        "criteria": {"narrative": "Left one."},
        "image": {"id": "https://badges.example/achievements/5f0c/1/image"},
        "tag": ["fire", "safety"],
        "inLanguage": "en",
        "creditsAvailable": 2.5,
        "alignment": [{"targetName": "Safety", "targetUrl": "https://frameworks.example/1", "targetType": "CFItem"}],
        "resultDescription": [
            {"id": "urn:uuid:1b5b1e4e-0000-4000-8000-000000000001", "name": "Grade", "resultType": "LetterGrade"}
            | {"allowedValue": ["A", "B", "C"]}
        ],
        **members,
    }


def a_badge(key: PrivateKey | None = None, **arguments: Any) -> dict[str, Any]:
    """Return an unsigned badge of the key's did:key, with every optional part."""
    did = did_key((key or a_key()).public_key())
    return open_badge(
        **{
            "credential_id": "https://badges.example/credentials/0d6c2b8e-1111-4222-8333-444455556666",
            "issuer": Issuer(id=did, name="Example University", url="https://uni.example"),
            "achievement": an_achievement(),
            "recipient": Recipient(email="ada@learner.example", name="Ada Lovelace", salt="c2FsdA"),
            "valid_from": SIGNED_AT,
            "valid_until": datetime(2028, 1, 1, tzinfo=UTC),
            "evidence": [{"id": "https://learner.example/fire", "name": "A film"}, {"narrative": "Saw it."}],
            "results": [{"resultDescription": "urn:uuid:1b5b1e4e-0000-4000-8000-000000000001", "value": "A"}],
            "status": [status_entry(LIST_URL, 94_567, "revocation")],
            **arguments,
        }
    )


def signed(document: dict[str, Any], key: PrivateKey | None = None) -> dict[str, Any]:
    """Return the document signed with the key, by its did:key."""
    key = key or a_key()
    return sign(document, key, a_method(key), SIGNED_AT)


def a_signed_badge(key: PrivateKey | None = None, **arguments: Any) -> dict[str, Any]:
    """Return a badge signed by its issuer."""
    return signed(a_badge(key, **arguments), key)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, itself included, as the names and numbers that lead there."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from paths(child, (*path, name))


def at(document: Any, path: Iterable[Any]) -> Any:
    """What stands at a place."""
    for name in path:
        document = document[name]
    return document
