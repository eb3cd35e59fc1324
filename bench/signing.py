"""Signing and verifying one badge as the services do, in each way that the issuer signs, and its status bit."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import others
from bench.anchors import Row
from shared.credentials import jwt, proofs
from shared.credentials.badge import Issuer, Recipient, open_badge
from shared.credentials.check import check_document, check_token
from shared.credentials.compiled import Shapes
from shared.credentials.dids import controller_of
from shared.credentials.keys import PrivateKey, did_key, key_of_did, method_id
from shared.credentials.status import MIN_BITS, get_bit, status_entry
from shared.credentials.suites import EDDSA_JCS, EDDSA_RDFC, Suite

NOW = others.NOW
BITS = bytes(MIN_BITS // 8)
LIST = "https://badges.example/status-lists/7d0e1f6a-1111-4222-8333-444455556666"
DESCRIPTION = "urn:uuid:1b5b1e4e-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Way:
    """A way of signing: to bytes as they are sent, and back to what was signed, which raises where it does not hold."""

    name: str
    beside: str  # the bare operation that is the least it can cost
    sign: Callable[[dict[str, Any]], bytes]
    received: Callable[[bytes], Any]
    verify: Callable[[Any], Mapping[str, Any]]


def rows(key: Ed25519PrivateKey, p256: ec.EllipticCurvePrivateKey, *, full: bool, badges: int) -> Iterator[Row]:
    """Yield what is measured, on so many badges in turn."""
    shapes = Shapes()
    method = _method(key)
    unsigned = [a_badge(key, number, full=full) for number in range(badges)]
    of_p256 = [a_badge(p256, number, full=full) for number in range(badges)]
    signed: dict[str, Callable[[], Any]] = {}
    for way in (
        _proved(EDDSA_RDFC, key, shapes),
        _proved(EDDSA_JCS, key, shapes),
        _token("vc+jwt EdDSA", "", key),
        _token("vc+jwt ES256", " P-256", p256),
    ):
        to_sign = cycle(of_p256 if way.beside else unsigned).__next__
        received = [way.received(way.sign(badge)) for badge in (of_p256 if way.beside else unsigned)]
        signed[way.name] = cycle(received).__next__
        yield from _of(way, to_sign, signed[way.name])
    rdfc, token = signed["eddsa-rdfc-2022"], signed["vc+jwt EdDSA"]
    yield Row(
        "eddsa-rdfc-2022: the whole check", "verify", lambda: _checked(check_document(rdfc(), now=NOW, shapes=shapes))
    )
    yield Row("vc+jwt EdDSA: the whole check", "verify", lambda: _checked(check_token(token(), now=NOW, shapes=shapes)))
    slow = _proved(EDDSA_RDFC, key, None)
    to_sign = cycle(unsigned).__next__
    yield Row("eddsa-rdfc-2022, no shapes: sign", "sign", lambda: slow.sign(to_sign()))
    yield Row("eddsa-rdfc-2022, no shapes: verify", "verify", lambda: slow.verify(rdfc()))
    yield from others.rows(key, method, to_sign, signed)


def _of(way: Way, to_sign: Callable[[], dict[str, Any]], to_verify: Callable[[], Any]) -> Iterator[Row]:
    yield Row(f"{way.name}: sign", f"sign{way.beside}", lambda: way.sign(to_sign()))
    yield Row(f"{way.name}: verify", f"verify{way.beside}", lambda: way.verify(to_verify()))
    yield Row(
        f"{way.name}: verify, and the status bit", f"verify{way.beside}", lambda: _stands(way.verify(to_verify()))
    )


def _proved(suite: Suite, key: Ed25519PrivateKey, shapes: Shapes | None) -> Way:
    method = _method(key)

    def verify(signed: dict[str, Any]) -> Mapping[str, Any]:
        findings = proofs.verify(signed, _key_of, shapes)
        assert findings[0].outcome == "pass"
        return signed

    def sign(badge: dict[str, Any]) -> bytes:
        return orjson.dumps(proofs.sign(badge, key, method, NOW, suite, shapes=shapes))

    return Way(suite.name, "", sign, orjson.loads, verify)


def _token(name: str, beside: str, key: PrivateKey) -> Way:
    method = _method(key)

    def verify(text: str) -> Mapping[str, Any]:
        token = jwt.read(text)
        assert jwt.verify(token, token.document["issuer"]["id"], _key_of).outcome == "pass"
        return token.document

    def sign(badge: dict[str, Any]) -> bytes:
        return jwt.write_vc(badge, key, method, NOW).encode()

    return Way(name, beside, sign, bytes.decode, verify)


def _key_of(method: str, _created: datetime | None) -> Any:
    return key_of_did(controller_of(method))


def _method(key: PrivateKey) -> str:
    return method_id(did_key(key.public_key()), key.public_key())


def _stands(document: Mapping[str, Any]) -> None:
    assert not get_bit(BITS, int(document["credentialStatus"]["statusListIndex"]))


def _checked(found: Any) -> None:
    assert found.signed_by_issuer


def a_badge(key: PrivateKey, number: int, *, full: bool) -> dict[str, Any]:
    """Return an unsigned badge of a key's did:key: as most are issued, or with every optional part."""
    did = did_key(key.public_key())
    achievement = {
        "id": "https://badges.example/achievements/5f0c/1",
        "name": "Fire safety",
        "description": "Knows how to leave a burning house, and has shown it in an exercise of a whole day.",
        "criteria": {"narrative": "Takes part in the exercise, leaves the house and tells others the way."},
        "image": {"id": "https://badges.example/achievements/5f0c/1/image"},
        "tag": ["fire", "safety"],
    }
    if full:
        achievement |= {
            "inLanguage": "en",
            "creditsAvailable": 2.5,
            "alignment": [
                {"targetName": "Safety", "targetUrl": "https://frameworks.example/1", "targetType": "CFItem"}
            ],
            "resultDescription": [
                {"id": DESCRIPTION, "name": "Grade", "resultType": "LetterGrade", "allowedValue": ["A", "B", "C"]}
            ],
        }
    return open_badge(
        credential_id=f"https://badges.example/credentials/0d6c2b8e-1111-4222-8333-{number:012}",
        issuer=Issuer(id=did, name="Example University", url="https://uni.example"),
        achievement=achievement,
        recipient=Recipient(
            email=f"ada{number}@learner.example", name="Ada Lovelace" if full else None, salt=f"c2FsdA{number}"
        ),
        valid_from=NOW,
        valid_until=datetime(2028, 1, 1, tzinfo=UTC) if full else None,
        evidence=[{"id": "https://learner.example/fire", "name": f"Film {number}"}, {"narrative": "Saw it."}]
        if full
        else [],
        results=[{"resultDescription": DESCRIPTION, "value": "A"}] if full else [],
        status=[status_entry(LIST, number, "revocation")],
    )
