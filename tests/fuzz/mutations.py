"""Inputs that are nearly real ones: bytes turned, cut, doubled; JSON with other values at any depth."""

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from random import Random
from typing import Any

from shared.credentials import base64url
from shared.credentials.contexts import Terms
from shared.credentials.errors import CredentialError
from shared.credentials.jwt import write_vc
from shared.credentials.keys import method_id
from shared.credentials.proofs import sign
from shared.credentials.suites import ED25519_2020, EDDSA_JCS, EDDSA_RDFC
from tests.support.badges import SIGNED_AT, a_key, at, paths
from tests.support.presentations import signed as presented

_LARGE = 100_000  # bytes: to take such a value apart costs us more than the readers
_SIGNED_AGAIN = 0.34
INTERESTING: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**53, -(2**63), 10**400, 1e308, 0.1, 1e-7, "", " ", "\0", "\ud800", "\u202e",
    "a" * 5_000,
    [], {}, [[]], [None], {"": {}}, "https://", "https://x.example/" + "a" * 3_000, "did:key:z6Mk", "did:web:a.example",
    "did:web:" + "a:" * 500, "did:jwk:e30", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z",
    "_:b0", "@type", "#", "z" * 900, "u" * 900, "eyJ", "1e5", {"@value": "x", "@language": "en"}, {"id": "urn:x:1"},
    "@id", "@graph", "https://example.org/#", "(a+)+$", "^(?!x)(.*a){20}", "#/$defs/evidence", {"$ref": "#"},
    "sha256$00",
)  # fmt: skip
NAMES = (
    "@context", "@id", "@type", "@value", "@list", "@reverse", "id", "type", "proof", "issuer", "credentialStatus",
    "credentialSubject", "validFrom", "evidence", "achievement", "previousProof", "jwk", "crit", "vc", "iss", "exp",
    "statusListIndex", "encodedList", "verificationMethod", "assertionMethod", "", "\u0000",
    "@vocab", "@base", "@container", "@protected", "@import", "@nest", "@index", "@set", "@propagate", "@version",
    "@json",
    "verifiableCredential", "holder", "challenge", "domain", "endorsement", "endorsementJwt", "credentialSchema",
    "$ref", "$defs", "pattern", "properties", "allOf", "anyOf", "not", "items", "format", "if", "unevaluatedProperties",
    "recipient", "verification", "hosted", "creator", "publicKey", "publicKeyPem", "owner", "revocationList",
    "revokedAssertions", "startsWith", "allowedOrigins", "badge", "expires",
)  # fmt: skip
_TOKENS = (
    b"{",
    b"}",
    b"[",
    b'"',
    b"\\u0000",
    b"\\",
    b"<",
    b"&#0;",
    b"<!DOCTYPE x>",
    b"\xff\xfe",
    b"\x00",
    b"~",
    b".",
    b"]]>",
)


def mutated(raw: bytes, random: Random) -> bytes:
    """Return an input with one to four changes, of its bytes or, where it is JSON or a token, of its values.

    One in three is signed after its changes, so that readers go on to what they read behind a signature.
    """
    changes = (_as_bytes, _as_value, _as_value, _as_value, _as_token) if len(raw) < _LARGE else (_as_bytes,)
    for _ in range(random.randrange(1, 5)):
        with suppress(RecursionError):  # ours, at what was nested too deep by an earlier change
            raw = random.choice(changes)(raw, random)
    if len(raw) >= _LARGE or random.random() > _SIGNED_AGAIN:
        return raw
    return _signed_again(raw, random)


def _signed_again(raw: bytes, random: Random) -> bytes:
    """Sign whatever it is by the key of the one who is said to be its issuer; as it is where that can't be done."""
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):  # it is no document any more
        document = json.loads(raw)
        unsigned = {name: member for name, member in document.items() if name != "proof"}
        if "holder" in document or "verifiableCredential" in document:
            return json.dumps(presented(unsigned)).encode()
        issuer = document["issuer"]
        method = method_id(issuer["id"] if isinstance(issuer, dict) else issuer, a_key().public_key())
        if random.random() < 0.4:
            return write_vc(unsigned, a_key(), method, SIGNED_AT).encode()
        suite = random.choice((EDDSA_JCS, EDDSA_JCS, EDDSA_RDFC, ED25519_2020))
        return json.dumps(sign(unsigned, a_key(), method, SIGNED_AT, suite, terms=Terms(inline=True))).encode()
    return raw


def _as_bytes(raw: bytes, random: Random) -> bytes:
    start = random.randrange(len(raw) + 1)
    end = min(len(raw), start + random.choice((1, 1, 1, 2, 8, 64, 4_096)))
    change: Callable[[], bytes] = random.choice(
        (
            lambda: raw[:start] + random.randbytes(end - start) + raw[end:],
            lambda: raw[:start] + raw[end:],
            lambda: raw[:end] + raw[start:end] * random.choice((1, 2, 50)) + raw[end:],
            lambda: raw[:start] + random.choice(_TOKENS) * random.choice((1, 1, 70)) + raw[start:],
            lambda: raw[:start],
        )
    )
    return change()


def _as_value(raw: bytes, random: Random) -> bytes:
    try:
        value = json.loads(raw)
    except ValueError:
        return _as_bytes(raw, random)
    return json.dumps(_changed(value, random)).encode()


def _as_token(raw: bytes, random: Random) -> bytes:
    """Change a part's JSON, and leave the signature as it was."""
    parts = raw.decode("latin-1").split(".")
    place = random.randrange(len(parts))
    try:
        value = json.loads(base64url.decode(parts[place], 1 << 20))
    except (ValueError, CredentialError):
        return _as_bytes(raw, random)
    parts[place] = base64url.encode(json.dumps(_changed(value, random)).encode())
    return ".".join(parts).encode("latin-1")


def _changed(value: Any, random: Random) -> Any:
    value = deepcopy(value)
    path = random.choice(list(paths(value)))
    new = _new(value, random)
    node = at(value, path)
    if isinstance(node, dict) and random.random() < 0.4:
        node[random.choice(NAMES)] = new
    elif isinstance(node, list) and random.random() < 0.4:
        node[random.randrange(len(node) + 1) :] = [new] * random.choice((1, 1, 2, 40, 600))
    elif not path:
        return new
    elif random.random() < 0.2:
        del at(value, path[:-1])[path[-1]]
    else:
        at(value, path[:-1])[path[-1]] = new
    return value


def _new(value: Any, random: Random) -> Any:
    """Another value: one that readers stumble over, or a part of the document in the wrong place, perhaps deep down."""
    if random.random() < 0.5:
        return random.choice(INTERESTING)
    part = deepcopy(at(value, random.choice(list(paths(value)))))
    for _ in range(random.choice((0, 0, 1, 3, 40))):
        part = random.choice(([part], {random.choice(NAMES): part}))
    return part
