"""A credential is held against the JSON schemas that it names, which are fetched and never believed to be harmless."""

import pytest

from shared.credentials.check import Needs, check_document
from shared.credentials.contexts import OPEN_BADGES_SCHEMAS
from tests.support.badges import NOW, a_badge, signed

ADDRESS = "https://schemas.example/badge.json"
OWN = {
    "id": f"{OPEN_BADGES_SCHEMAS}ob_v3p0_achievementcredential_schema.json",
    "type": "1EdTechJsonSchemaValidator2019",
}
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def _badge(*entries):
    badge = a_badge(status=[])
    badge["@context"].append("https://purl.imsglobal.org/spec/ob/v3p0/extensions.json")
    return signed(badge | {"credentialSchema": [*entries]})


NAMED = {"id": ADDRESS, "type": "JsonSchema"}


def _said(document, fetched):
    found = check_document(document, now=NOW, fetched=fetched)
    assert not isinstance(found, Needs), found
    return next(((each.outcome, each.code) for each in found.checks if each.name == "schema"), None)


def test_a_schema_is_asked_for_once_the_signature_is_good_and_not_before():
    badge = _badge(NAMED)
    assert check_document(badge, now=NOW, fetched={}) == Needs(urls=(ADDRESS,))
    altered = badge | {"name": "Other"}
    assert _said(altered, {}) is None


def test_open_badges_own_schema_is_not_asked_for_as_conformance_stands_for_it():
    assert _said(_badge(OWN), {}) == ("skipped", "see_conformance")


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$schema": DRAFT, "type": "object", "required": ["issuer"]}, ("pass", None)),
        ({"properties": {"validFrom": {"format": "date-time"}}}, ("pass", None)),
        ({"required": ["nothingOfTheKind"]}, ("warn", "schema_mismatch")),
        ({"properties": {"name": {"pattern": "^(?!Fire)"}}}, ("warn", "schema_mismatch")),
        ({"$ref": "https://evil.example/schema.json"}, ("unknown", "schema_unverifiable")),
        ({"$ref": "file:///etc/passwd"}, ("unknown", "schema_unverifiable")),
        ({"$schema": "https://evil.example/draft"}, ("unknown", "schema_unverifiable")),
        ({"type": 7}, ("unknown", "schema_unverifiable")),
        ({"properties": {"name": {"pattern": "("}}}, ("unknown", "schema_unverifiable")),
        ([], ("unknown", "schema_unverifiable")),
        (None, ("unknown", "schema_unverifiable")),
        ("eyJhbGciOiJFUzI1NiJ9.e30.c2ln", ("unknown", "schema_unverifiable")),
        ({"$ref": "#"}, ("pass", None)),
    ],
)
def test_what_a_schema_makes_of_a_badge(schema, said):
    assert _said(_badge(NAMED), {ADDRESS: schema}) == said


def test_a_pattern_that_would_search_for_ever_is_given_up():
    schema = {"properties": {"name": {"pattern": r"^(?=(\w|\s)+$)((\w|\s)+)+\d$"}}}
    badge = a_badge(status=[])
    badge["name"] = "a " * 500
    badge["credentialSchema"] = [NAMED]
    assert _said(signed(badge), {ADDRESS: schema}) == ("warn", "schema_mismatch")


@pytest.mark.parametrize(
    "entry",
    [
        {"id": ADDRESS, "type": "Another2030"},
        {"id": "http://schemas.example/badge.json", "type": "JsonSchema"},
        {"id": "urn:schema", "type": "JsonSchema"},
        {"id": ADDRESS, "type": "JsonSchemaCredential"},
    ],
)
def test_a_schema_of_another_kind_is_not_asked_for_and_unknown(entry):
    badge = a_badge(status=[])
    badge["@context"][:] = badge["@context"][:2]
    document = badge | {"credentialSchema": [entry]}
    found = check_document(signed(document) if entry["type"] == "JsonSchema" else document, now=NOW, fetched={})
    assert not isinstance(found, Needs)


def test_the_gravest_of_several_schemas_is_told_and_too_many_are_not_looked_at():
    other = {"id": "https://schemas.example/other.json", "type": "JsonSchema"}
    fetched = {ADDRESS: {"type": "object"}, other["id"]: {"type": "array"}}
    assert _said(_badge(NAMED, other), fetched) == ("warn", "schema_mismatch")
    many = [{"id": f"{ADDRESS}?{n}", "type": "JsonSchema"} for n in range(4)]
    assert _said(_badge(*many), {}) == ("unknown", "schema_unverifiable")
