"""What real inputs look like, as bytes: badges in every format, pictures, status lists, controllers' documents."""

import gzip
import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Literal
from uuid import UUID

from shared.credentials.baking_png import bake_png
from shared.credentials.baking_svg import bake_svg
from shared.credentials.dids import did_document
from shared.credentials.jwt import write_vc
from shared.credentials.keys import did_key, method_id
from shared.credentials.multibase import encode_base64url
from shared.credentials.proofs import sign
from shared.credentials.status import MIN_BITS, status_entry, status_list_credential
from tests.support.badges import LIST_URL, NOW, SIGNED_AT, a_badge, a_key, a_method, an_ec_key, signed
from tests.support.pictures import a_png, an_svg, chunk, compressed
from tests.support.signed_badges import signed_badges

WEB = "did:web:uni.example"
DID_URL = "https://uni.example/.well-known/did.json"


@dataclass(frozen=True)
class Shape:
    """An input as it comes: a file, or what an address gives that one badge names."""

    name: str
    raw: bytes
    comes_as: Literal["file", "status list", "controller"] = "file"


@cache
def large_shapes() -> tuple[Shape, ...]:
    """Return inputs near the largest that are read, each odd in one way."""
    badge = signed_badges()["eddsa-rdfc-2022 Ed25519"]
    assert isinstance(badge, dict)
    evidence = [{"id": f"urn:x:{number}", "type": ["Evidence"], "name": "n" * 100} for number in range(400)]
    values = {
        "many empty arrays": [[]] * 340_000,
        "many members": {f"m{number}": number for number in range(60_000)},
        "many texts": ["\u00e9\u0001"] * 60_000,
        "many digits": [10**16] * 55_000,
        "one text": "\\" * 500_000,
        "much evidence": {**badge, "evidence": evidence},
        "long texts": {**badge, "name": "\u0001" * 150_000},
        "many contexts": {**badge, "@context": badge["@context"] * 10_000},
        "many proofs": {**badge, "proof": [badge["proof"]] * 1_000},
    }
    texts = {
        "many brackets": b"[" * 1_000_000,
        "a long token": b"e" + b"yJ" * 500_000 + b".e30.e30",
        "many dots": b"eyJ." * 250_000,
        "an SVG of many elements": an_svg("<g/>" * 49_000),
        "an SVG of many attributes": an_svg(root="".join(f' a{number}="{number}"' for number in range(40_000))),
        "an SVG with text": an_svg("x" * 900_000),
        "a PNG of many chunks": a_png(*[chunk(b"tEXt", b"k\0v")] * 4_000),
        "a PNG with a long text": a_png(compressed(b"[" * 1_000_000)),
    }
    return tuple(Shape(name, _raw(value)) for name, value in values.items()) + tuple(
        Shape(name, raw) for name, raw in texts.items()
    )


@cache
def shapes() -> tuple[Shape, ...]:
    """Return every shape, the same at each call."""
    badges = [Shape(kind, _raw(badge)) for kind, badge in signed_badges().items()]
    tokens = [Shape(f"{kind} from a did:key", _raw(badge)) for kind, badge in _strangers().items()]
    pictures = [shape for each in badges[:1] + badges[-2:] for shape in _baked(each)]
    return (*badges, *tokens, *pictures, *_lists(), *_controllers(), *_older())


def a_strangers_badge() -> dict[str, Any]:
    """Return a good badge of a did:key, whose status stands in a list at `LIST_URL`."""
    return signed(a_badge(status=[status_entry(LIST_URL, 94_567, "revocation")]))


def a_badge_of_did_web() -> dict[str, Any]:
    """Return a good badge whose issuer's keys stand at `DID_URL`."""
    badge = a_badge(status=[])
    badge["issuer"]["id"] = badge["credentialSubject"]["achievement"]["creator"]["id"] = WEB
    return sign(badge, a_key(), method_id(WEB, a_key().public_key()), SIGNED_AT)


def _raw(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _strangers() -> dict[str, Any]:
    badge = a_badge()
    return {"JSON": a_strangers_badge(), "token": write_vc(badge, a_key(), a_method(a_key()), SIGNED_AT)}


def _baked(shape: Shape) -> list[Shape]:
    content = shape.raw.decode()
    return [
        Shape(f"{shape.name}, PNG", bake_png(a_png(), content)),
        Shape(f"{shape.name}, compressed in a PNG", a_png(compressed(shape.raw))),
        Shape(f"{shape.name}, SVG", bake_svg(an_svg(), content)),
    ]


def _lists() -> list[Shape]:
    unsigned = status_list_credential(
        list_url=LIST_URL,
        issuer=did_key(a_key().public_key()),
        purpose="revocation",
        bits=bytes(MIN_BITS // 8),
        valid_from=SIGNED_AT,
        valid_until=NOW + timedelta(days=1),
        ttl=timedelta(minutes=1),
    )
    bomb = encode_base64url(gzip.compress(bytes(1 << 26)))
    subject = {**unsigned["credentialSubject"], "encodedList": bomb}
    issuer = did_key(a_key().public_key())
    own = {"id": LIST_URL, "issuer": issuer, "revokedCredential": [{"id": "urn:x:1", "revoked": True}, "urn:x:2"]}
    listed = {
        "list": signed(unsigned),
        "list as a token": write_vc(unsigned, a_key(), a_method(a_key()), SIGNED_AT),
        "bomb": signed({**unsigned, "credentialSubject": subject}),
        "Open Badges' own list": own,
    }
    return [Shape(name, _raw(value), "status list") for name, value in listed.items()]


def _controllers() -> list[Shape]:
    document = did_document(WEB, [a_key().public_key(), an_ec_key().public_key()], {UUID(int=1): a_key().public_key()})
    return [Shape("controller", _raw(document), "controller")]


def _older() -> list[Shape]:
    """Open Badges 2.0, and what is no badge at all."""
    assertion = {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "Assertion",
        "id": "https://uni.example/assertions/1",
        "recipient": {"type": "email", "hashed": True, "salt": "s", "identity": "sha256$" + "0" * 64},
        "badge": "https://uni.example/badges/1",
        "verification": {"type": "HostedBadge"},
        "issuedOn": "2020-01-01T00:00:00Z",
    }
    values = {"assertion": assertion, "array": [assertion], "number": 1e308, "text": "badge", "deep": _deep(60)}
    return [Shape(name, _raw(value)) for name, value in values.items()]


def _deep(levels: int) -> Any:
    return {"related": _deep(levels - 1)} if levels else []
