"""Each badge that the issuer makes is what 1EdTech's public validator asks for, demand by demand, in every format.

Source: 1EdTech, digital-credentials-public-validator, package org.oneedtech.inspect.vc: the probe that makes the demand
is named with it; and the JSON schema of Open Badges 3.0 for AchievementCredential (data model 2.0).
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest

from services.issuer.domain.achievements import badge_form
from services.issuer.domain.credentials import make
from services.issuer.domain.formats import Formats
from services.issuer.domain.plan import Order, Signed
from shared.credentials import base64url
from shared.credentials.baking_png import bake_png
from shared.credentials.baking_svg import bake_svg
from shared.credentials.multibase import decode_base58
from tests.support.pictures import a_png, an_svg
from tests.unit.issuer.test_credentials import KEYS, WEB, a_draft, a_plan, a_web_plan

PUBLIC_URL = "https://b.example"
FORMATS: tuple[Formats, ...] = (
    ("eddsa-rdfc-2022",),
    ("eddsa-rdfc-2022", "eddsa-jcs-2022"),
    ("ecdsa-rdfc-2019", "eddsa-rdfc-2022"),
    ("ob3-jwt",),
    ("eddsa-rdfc-2022", "ob3-jwt"),
    ("vc+jwt",),
    ("ecdsa-rdfc-2019", "eddsa-jcs-2022", "eddsa-rdfc-2022", "vc+jwt"),
)
CONTENT = {
    "name": "Bridges",
    "description": "Builds them.",
    "criteria": {"narrative": "Build one."},
    "alignment": [{"targetName": "Bridges", "targetUrl": "https://frameworks.example/1", "targetType": "CFItem"}],
    "result_descriptions": [
        {"id": "urn:x:1", "name": "Grade", "resultType": "LetterGrade", "allowedValue": ["A", "B"]},
        {"id": "urn:x:2", "name": "Hours", "resultType": "RawScore"},
    ],
    "credits_available": 2.5,
    "tags": ["bridge"],
    "achievement_type": "MicroCredential",
}
FULL = Order(
    recipient_id="did:example:ada",
    email="ada@example.org",
    name="Ada ]]> Lovelace",
    valid_until=datetime(2027, 1, 1, tzinfo=UTC),
    evidence=[{"id": "https://ada.example/bridge", "name": "A film"}, {"narrative": "I was there."}],
    results=[{"resultDescription": "urn:x:1", "value": "A"}, {"resultDescription": "urn:x:2", "value": "40"}],
)
ORDERS = {"least": Order(email="ada@example.org"), "id alone": Order(recipient_id="did:example:ada"), "full": FULL}


ACHIEVEMENT = badge_form(CONTENT, UUID(int=5), 1, PUBLIC_URL)


def _made(order: Order, formats: Formats, **members: Any) -> Signed:
    plan = replace(a_web_plan(formats), achievement=ACHIEVEMENT, url="https://north.example", **members)
    return make(plan, a_draft(order), KEYS, PUBLIC_URL, demo=False)


BADGES = [
    pytest.param(_made(order, formats), id=f"{name}: {' '.join(formats)}")
    for name, order in ORDERS.items()
    for formats in FORMATS
]
BADGES.append(
    pytest.param(make(a_plan(achievement=ACHIEVEMENT), a_draft(FULL), KEYS, PUBLIC_URL, demo=True), id="demo")
)
TOKENS = [each for each in BADGES if "ob3-jwt" in str(each.id)]


def _has_no_blanks(value: Any) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is not None and value not in ([], {}) and all(map(_has_no_blanks, children))


Check = Callable[[dict[str, Any]], bool]
_CONTEXT = re.compile(r"https://purl\.imsglobal\.org/spec/ob/v3p0/context-3\.\d\.\d\.json")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
DEMANDS: dict[str, Check] = {
    "ContextPropertyProbe: the data model's context first": lambda badge: (
        badge["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    ),
    "ContextPropertyProbe: Open Badges' second": lambda badge: bool(_CONTEXT.fullmatch(badge["@context"][1])),
    "TypePropertyProbe: both types, in an array": lambda badge: (
        badge["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
    ),
    "CredentialSubjectProbe: an id, or identifiers in an array": lambda badge: bool(
        badge["credentialSubject"].get("id") or isinstance(badge["credentialSubject"].get("identifier"), list)
    ),
    "CredentialSubjectProbe: criteria with an id or a narrative": lambda badge: bool(
        badge["credentialSubject"]["achievement"]["criteria"].keys() & {"id", "narrative"}
    ),
    "schema: what a credential has": lambda badge: (
        {"@context", "id", "type", "issuer", "validFrom", "credentialSubject", "name"} <= badge.keys()
    ),
    "schema: no type of criteria": lambda badge: "type" not in badge["credentialSubject"]["achievement"]["criteria"],
    "schema: nothing null, no empty array or object": _has_no_blanks,
    "schema: times with their zone": lambda badge: all(
        _TIME.fullmatch(badge[name]) for name in ("validFrom", "validUntil") if name in badge
    ),
    "schema: one status object with an id and a type": lambda badge: (
        isinstance(badge["credentialStatus"], dict) and {"id", "type"} <= badge["credentialStatus"].keys()
    ),
    "BitstringStatusListCredentialInspector: the index as a string, one purpose": lambda badge: (
        badge["credentialStatus"]["statusListIndex"].isdecimal()
        and badge["credentialStatus"]["statusPurpose"] == "revocation"
    ),
    "BitstringStatusListCredentialInspector: an entry is not its list": lambda badge: (
        badge["credentialStatus"]["id"] != badge["credentialStatus"]["statusListCredential"]
    ),
}
# Where each kind of object stands, its type in the JSON form that the schema gives it, and what it must have.
OBJECTS: dict[str, tuple[str, Any, set[str]]] = {
    "IssuerProbe": ("issuer", ["Profile"], {"id", "name"}),
    "CredentialSubjectProbe: the subject": ("credentialSubject", ["AchievementSubject"], {"achievement"}),
    "CredentialSubjectProbe: identifiers": (
        "credentialSubject.identifier", "IdentityObject", {"hashed", "identityHash", "identityType"},
    ),
    "CredentialSubjectProbe: results": ("credentialSubject.result", ["Result"], {"resultDescription"}),
    "CredentialSubjectProbe: result descriptions": (
        "credentialSubject.achievement.resultDescription", ["ResultDescription"], {"id", "name", "resultType"},
    ),
    "EvidenceProbe": ("evidence", ["Evidence"], set()),
    "schema: the achievement": (
        "credentialSubject.achievement", ["Achievement"], {"id", "name", "description", "criteria"},
    ),
    "schema: its creator": ("credentialSubject.achievement.creator", ["Profile"], {"id"}),
    "schema: its image": ("credentialSubject.achievement.image", "Image", {"id"}),
    "schema: alignments": ("credentialSubject.achievement.alignment", ["Alignment"], {"targetName", "targetUrl"}),
}  # fmt: skip
_ACHIEVEMENT_SETS = ("alignment", "resultDescription", "tag")
_SETS = (
    *("evidence", "credentialSubject.identifier", "credentialSubject.result"),
    *(f"credentialSubject.achievement.{name}" for name in _ACHIEVEMENT_SETS),
)


def _found(badge: dict[str, Any], path: str) -> list[Any]:
    value: Any = badge
    for name in path.split("."):
        value = value.get(name, [])
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("signed", BADGES)
@pytest.mark.parametrize("demand", DEMANDS)
def test_a_badge_fulfils(demand: str, signed: Signed) -> None:
    assert DEMANDS[demand](dict(signed.document))


@pytest.mark.parametrize("signed", BADGES)
@pytest.mark.parametrize("demand", OBJECTS)
def test_every_object_has_its_type_and_members_for(demand: str, signed: Signed) -> None:
    path, wanted, members = OBJECTS[demand]
    for each in _found(dict(signed.document), path):
        assert each["type"] == wanted
        assert members <= each.keys()


@pytest.mark.parametrize("path", _SETS)
def test_a_set_is_an_array_even_where_it_has_one_item(path: str) -> None:
    *way, name = path.split(".")
    owner: Any = _made(FULL, ("eddsa-rdfc-2022",)).document
    for each in way:
        owner = owner[each]
    assert isinstance(owner[name], list)


@pytest.mark.parametrize("signed", BADGES)
def test_the_first_proof_is_one_that_the_validator_reads_by_the_issuers_key(signed: Signed) -> None:
    """EmbeddedProofProbe: the first proof that it knows, its key named by a Multikey behind the issuer's id."""
    proof = _found(dict(signed.document), "proof")[0]
    assert (proof["type"], proof["cryptosuite"]) == ("DataIntegrityProof", "eddsa-rdfc-2022")
    assert proof["proofPurpose"] == "assertionMethod"
    controller, _, multikey = proof["verificationMethod"].partition("#")
    assert controller == signed.document["issuer"]["id"]
    assert decode_base58(multikey)[:2] == b"\xed\x01"
    assert len(decode_base58(multikey)) == 34


@pytest.mark.parametrize("signed", TOKENS)
def test_a_token_is_signed_and_named_as_the_validator_wants_it(signed: Signed) -> None:
    """ExternalProofProbe, and Open Badges 3.0 section 8.2.4: algorithm, header, key by an address, claims."""
    header, payload = (json.loads(base64url.decode(part, 1_000_000)) for part in (signed.token or "").split(".")[:2])
    badge = {name: member for name, member in signed.document.items() if name != "proof"}
    assert header.keys() <= {"alg", "kid", "jwk", "typ"}
    assert header["alg"] in ("RS256", "ES256")
    assert header["typ"] == "JWT"
    assert header["kid"].startswith("https://")
    assert {name: payload[name] for name in badge} == badge
    claims = {name: payload[name] for name in payload.keys() - badge.keys()}
    assert claims.keys() - {"iat", "exp"} == {"iss", "jti", "nbf", "sub"}
    assert (claims["iss"], claims["jti"], claims["sub"]) == (WEB, badge["id"], badge["credentialSubject"]["id"])
    assert claims["nbf"] == datetime.fromisoformat(badge["validFrom"]).timestamp()
    assert ("exp" in claims) == ("validUntil" in badge)


@pytest.mark.parametrize("signed", BADGES)
def test_a_baked_png_has_one_text_that_begins_as_the_validator_expects(signed: Signed) -> None:
    """PngParser: a text chunk under the keyword, an object by its brace, a token by anything else."""
    for content in filter(None, (json.dumps(signed.document), signed.token)):
        baked = bake_png(a_png(), content)
        assert baked.count(b"iTXtopenbadgecredential\0") == 1
        assert (content[0] == "{") == (content != signed.token)
        assert content.encode() in baked


@pytest.mark.parametrize("signed", BADGES)
def test_a_baked_svg_has_the_badge_where_the_validator_looks_for_it(signed: Signed) -> None:
    """SvgParser: the attribute verify for a token; for JSON one whole text, and no such attribute."""
    name = "{https://purl.imsglobal.org/ob/v3p0}credential"
    [element] = ElementTree.fromstring(bake_svg(an_svg(), json.dumps(signed.document))).iter(name)
    assert json.loads(element.text or "") == signed.document
    assert element.attrib == {}
    if signed.token:
        [element] = ElementTree.fromstring(bake_svg(an_svg(), signed.token)).iter(name)
        assert element.attrib == {"verify": signed.token}
        assert not (element.text or "").strip()


def test_json_in_an_svg_stays_one_piece_of_character_data() -> None:
    """SvgParser reads the first text that is not blank: a CDATA section that ended early would cut the badge off."""
    baked = bake_svg(an_svg(), json.dumps(_made(FULL, ("eddsa-rdfc-2022",)).document)).decode()
    assert baked.count("<![CDATA[") == baked.count("]]>") == 1
