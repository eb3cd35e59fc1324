"""What real badges do and strict readers refuse is read, and told."""

from datetime import timedelta

import pytest

from shared.credentials import contexts
from shared.credentials.check import check_document
from shared.credentials.proofs import prove
from shared.credentials.report import BESIDE
from tests.support.badges import NOW, SIGNED_AT, a_badge, a_key, a_method, at, signed


def _checks(document):
    return {check.name: (check.outcome, check.code) for check in check_document(document, now=NOW).checks}


def _is_good(document):
    return all(outcome == "pass" for name, (outcome, _) in _checks(document).items() if name not in BESIDE)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("credentialSubject", "achievement", "criteria", "type"), "Criteria"),
        (("credentialSubject", "achievement", "description"), None),
        (("credentialSubject", "achievement", "criteria"), None),
        (("issuer", "type"), "Profile"),
        (("credentialStatus", "statusListIndex"), 7),
        (("evidence",), {"type": ["Evidence"], "name": "A film"}),
    ],
)
def test_what_strict_readers_would_refuse_is_told_and_leaves_the_verdict_alone(path, value):
    badge = a_badge()
    at(badge, path[:-1])[path[-1]] = value
    if value is None:
        del at(badge, path[:-1])[path[-1]]
    found = check_document(signed(badge), now=NOW)
    told = found.checks[-1]
    assert (told.name, told.outcome, told.code) == ("conformance", "warn", "not_conformant")
    assert ".".join(path[-2:-1] or path) in told.detail
    assert _is_good(signed(badge))


def test_a_creator_that_is_named_by_its_address_alone_is_one():
    badge = a_badge()
    badge["credentialSubject"]["achievement"]["creator"] = "did:web:somebody.example"
    assert check_document(signed(badge), now=NOW).facts.creator_id == "did:web:somebody.example"


def test_an_issuer_that_is_named_by_its_address_alone_is_one():
    badge = a_badge()
    badge["issuer"] = badge["issuer"]["id"]
    assert _is_good(signed(badge))


@pytest.mark.parametrize("further", [contexts.ED25519_2020_V1, contexts.DATA_INTEGRITY_V2])
def test_contexts_of_proofs_may_follow_those_of_badges(further):
    badge = a_badge()
    badge["@context"].append(further)
    assert _is_good(signed(badge))


def test_a_resource_that_is_not_as_it_was_named_makes_a_badge_malformed():
    badge = a_badge() | {"relatedResource": [{"id": contexts.CREDENTIALS_V2, "digestMultibase": "z6Mkw"}]}
    assert _checks(signed(badge))["structure"] == ("fail", "malformed")


def test_a_set_of_proofs_was_made_when_the_last_of_them_was():
    badge, later = a_badge(), SIGNED_AT + timedelta(minutes=5)
    made = [prove(badge, a_key(), a_method(a_key()), at) for at in (later, SIGNED_AT)]
    assert check_document(badge | {"proof": made}, now=NOW).facts.proof_created == later
