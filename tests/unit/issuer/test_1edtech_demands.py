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
from services.issuer.domain.credentials import make, refuse_impossible
from services.issuer.domain.formats import Formats
from services.issuer.domain.plan import Given, Order, Signed
from shared.credentials import base64url
from shared.credentials.baking_png import bake_png
from shared.credentials.baking_svg import bake_svg
from shared.credentials.multibase import decode_base58
from shared.messaging.events import StatusPosition
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


def _made_through_the_vc_api() -> Signed:
    """A badge that the institution wrote itself: its own id, an issuer and contexts, no status and no proof."""
    own = {**_made(FULL, ("eddsa-rdfc-2022",)).document, "id": "https://north.example/badges/1"}
    given = Given({name: member for name, member in own.items() if name not in ("credentialStatus", "proof")})
    plan = replace(a_web_plan(("eddsa-rdfc-2022",)), achievement={})
    refuse_impossible(plan, given, PUBLIC_URL)
    return make(plan, a_draft(given), KEYS, PUBLIC_URL, demo=False)


def _made_suspendable() -> Signed:
    plan = replace(a_web_plan(("eddsa-rdfc-2022",)), achievement=ACHIEVEMENT, suspendable=True)
    places = (*a_draft(FULL).positions, StatusPosition(list_id=UUID(int=8), index=9, purpose="suspension"))
    return make(plan, replace(a_draft(FULL), positions=places), KEYS, PUBLIC_URL, demo=False)


BADGES.append(pytest.param(_made_through_the_vc_api(), id="through VC-API"))
PROOF = "EmbeddedProofProbe: the first proof is one that it knows, its key a Multikey behind the issuer's id"
STATUS = "schema: one status object with an id and a type"
# Those that the validator does not take, each for one demand: what an institution gives up for what it asks for.
EXCEPTIONS: dict[str, tuple[Signed, str]] = {
    "ecdsa-rdfc-2019 alone: common validators take no such proof": (_made(FULL, ("ecdsa-rdfc-2019",)), PROOF),
    "eddsa-jcs-2022 alone: common validators take no such proof": (_made(FULL, ("eddsa-jcs-2022",)), PROOF),
    "suspendable: two status entries are an array": (_made_suspendable(), STATUS),
}
EVERY = [*BADGES, *(pytest.param(signed, id=name) for name, (signed, _) in EXCEPTIONS.items())]


def _has_no_blanks(value: Any) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is not None and value not in ([], {}) and all(map(_has_no_blanks, children))


def _has_a_proof_that_is_read(badge: dict[str, Any]) -> bool:
    proof = _found(badge, "proof")[0]
    controller, _, name = proof["verificationMethod"].partition("#")
    multikey = decode_base58(name)
    kind = (proof["type"], proof["cryptosuite"], proof["proofPurpose"])
    return (
        kind == ("DataIntegrityProof", "eddsa-rdfc-2022", "assertionMethod")
        and controller == badge["issuer"]["id"]
        and (multikey[:2], len(multikey)) == (b"\xed\x01", 34)
    )


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
    STATUS: lambda badge: (
        isinstance(badge["credentialStatus"], dict) and {"id", "type"} <= badge["credentialStatus"].keys()
    ),
    "BitstringStatusListCredentialInspector: the index as a string, one purpose": lambda badge: all(
        each["statusListIndex"].isdecimal() and each["statusPurpose"] in ("revocation", "suspension")
        for each in _found(badge, "credentialStatus")
    ),
    "BitstringStatusListCredentialInspector: an entry is not its list": lambda badge: all(
        each["id"] != each["statusListCredential"] for each in _found(badge, "credentialStatus")
    ),
    PROOF: _has_a_proof_that_is_read,
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


@pytest.mark.parametrize(("signed", "unmet"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_one_demand_alone_is_not_fulfilled_by(signed: Signed, unmet: str) -> None:
    assert [demand for demand, fulfils in DEMANDS.items() if not fulfils(dict(signed.document))] == [unmet]


@pytest.mark.parametrize("signed", EVERY)
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


@pytest.mark.parametrize("signed", EVERY)
def test_a_baked_png_has_one_text_that_begins_as_the_validator_expects(signed: Signed) -> None:
    """PngParser: a text chunk under the keyword, an object by its brace, a token by anything else."""
    for content in filter(None, (json.dumps(signed.document), signed.token)):
        baked = bake_png(a_png(), content)
        assert baked.count(b"iTXtopenbadgecredential\0") == 1
        assert (content[0] == "{") == (content != signed.token)
        assert content.encode() in baked


@pytest.mark.parametrize("signed", EVERY)
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
