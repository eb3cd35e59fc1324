"""What real inputs look like, as bytes: badges in every format, pictures, status lists, controllers' documents."""

import gzip
import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from PIL import Image

from shared.credentials.baking_png import bake_png
from shared.credentials.baking_svg import bake_svg
from shared.credentials.contexts import CREDENTIALS_V2, Terms
from shared.credentials.jwt import write_vc
from shared.credentials.keys import did_key, method_id
from shared.credentials.multibase import encode_base64url
from shared.credentials.proofs import sign
from shared.credentials.status import MIN_BITS, status_list_credential
from shared.credentials.suites import EDDSA_JCS
from tests.fuzz.pages import (
    WEB,
    Page,
    a_badge_with_a_schema,
    a_strangers_badge,
    an_endorsed_badge,
    pages,
    world,
)
from tests.support import open_badges_2 as old
from tests.support.badges import LIST_URL, NOW, SIGNED_AT, a_badge, a_key, a_method, signed
from tests.support.pictures import a_png, an_svg, chunk, compressed
from tests.support.presentations import a_credential, a_presentation, enveloped
from tests.support.presentations import signed as presented
from tests.support.qr import photograph, qr_png, saved
from tests.support.signed_badges import signed_badges
from tests.unit.credentials.test_presentations import a_vp_token, an_older_vp_token

INLINE = Terms(inline=True)


@dataclass(frozen=True)
class Shape:
    """An input as it comes: a file, a credential or presentation that VC-API was handed, or what an address gives.

    `comes_as` is "file", "credential", "presentation" or the name of one of `pages()`.
    """

    name: str
    raw: bytes
    comes_as: str = "file"


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
        "a PNG of many pixels": saved(Image.new("L", (4_096, 4_096)), "PNG"),
        "a JPEG of many pixels": saved(Image.effect_noise((4_096, 2_048), 90), "JPEG"),
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
    known = (*badges, *tokens, *pictures, *_seen(), *_lists(), *_older(), *_of_others(), *_given())
    return known + tuple(Shape(name, world()[page.address].encode(), name) for name, page in _pages_with_one_shape())


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
    of_another = sign({**unsigned, "issuer": WEB}, a_key(), method_id(WEB, a_key().public_key()), SIGNED_AT)
    return [
        *(Shape(name, _raw(value), "status list") for name, value in listed.items()),
        Shape("an endorser's list", _raw(of_another), "an endorsement's list"),
    ]


def _older() -> list[Shape]:
    """Open Badges 2.0, and what is no badge at all."""
    assertion = old.an_assertion()
    values = {
        "assertion": assertion,
        "signed assertion": old.signed(),
        "array": [assertion],
        "number": 1e308,
        "text": "badge",
        "deep": _deep(60),
    }
    return [Shape(name, _raw(value)) for name, value in values.items()]


def _seen() -> list[Shape]:
    """QR codes, as programs draw them and as telephones take them."""
    small = json.dumps(old.an_assertion())
    texts = {"a link": "https://badges.example/b/1#x", "a wallet's link": "openid4vp://?request_uri=x", "JSON": small}
    drawn = [Shape(f"{name} in a QR code", qr_png(text)) for name, text in texts.items()]
    return [*drawn, Shape("a photograph", photograph(texts["a link"])), Shape("a large photograph", photograph(small))]


def _of_others() -> list[Shape]:
    """Badges that rest on what others say elsewhere."""
    badges = {"a badge with a schema": a_badge_with_a_schema(), "an endorsed badge": an_endorsed_badge()}
    return [Shape(name, _raw(badge)) for name, badge in badges.items()]


def _given() -> list[Shape]:
    """What VC-API is handed: credentials with terms of their own, and presentations."""
    inline = {"ex": "https://example.org/examples#", "seat": "ex:seat", "Ticket": {"@id": "ex:Ticket"}}
    inline |= {"stop": {"@id": "ex:stop", "@type": "@id"}}
    own = a_credential(
        **{"@context": [CREDENTIALS_V2, inline, {"@vocab": "https://example.org/vocabulary#"}]},
        type=["VerifiableCredential", "Ticket"],
        seat="A1",
        stop={"id": "urn:x:1", "platform": 4},
    )
    credential = sign(own, a_key(), a_method(a_key()), SIGNED_AT, terms=INLINE)
    token = write_vc(a_credential(), a_key(), a_method(a_key()), SIGNED_AT)
    badge = a_strangers_badge()
    presentations = {
        "of credentials": presented(a_presentation(credential, badge)),
        "of a token": presented(a_presentation(enveloped(token), badge)),
        "of nothing, by jcs": presented(a_presentation(), suite=EDDSA_JCS),
        "as a token": a_vp_token(),
        "as an older token": an_older_vp_token(),
        "in an envelope": enveloped(a_vp_token(), "Presentation", "vp+jwt"),
    }
    credentials = {"own terms": credential, "a token": token, "a badge": badge}
    return [
        *(Shape(f"presentation {name}", _raw(value), "presentation") for name, value in presentations.items()),
        *(Shape(f"credential with {name}", _raw(value), "credential") for name, value in credentials.items()),
    ]


def _pages_with_one_shape() -> list[tuple[str, Page]]:
    return [(name, page) for name, page in pages().items() if page.address in world()]


def _deep(levels: int) -> Any:
    return {"related": _deep(levels - 1)} if levels else []
