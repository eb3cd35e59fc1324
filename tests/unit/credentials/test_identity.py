"""Whose badge it is can be checked by who knows the address, and by nobody else."""

from hashlib import md5, sha1, sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.identity import (
    email_identity,
    identity_hash,
    matches_assertion,
    matches_recipient,
    name_identity,
)
from tests.support.open_badges_2 import EMAIL, SALT

ADDRESS = "ada@learner.example"


def _subject(*identities, **members):
    return {"type": ["AchievementSubject"], "identifier": list(identities), **members}


def _hashed(identity_hash, salt="s", **members):
    return {"identityType": "emailAddress", "hashed": True, "identityHash": identity_hash, "salt": salt, **members}


def test_the_hash_is_over_the_address_and_then_the_salt():
    assert identity_hash(ADDRESS, "salt") == "sha256$" + sha256(b"ada@learner.examplesalt").hexdigest()


@given(st.emails(), st.text(min_size=1))
def test_an_address_is_recognised_however_it_is_typed(address, salt):
    subject = _subject(email_identity(f" {address.upper()} ", salt))
    for typed in (address, address.lower(), f"  {address.lower()}\n"):
        assert matches_recipient(subject, {"email": typed}) == "pass"
    assert matches_recipient(subject, {"email": "x" + address}) == "fail"


def test_a_hash_that_another_issuer_made_over_the_address_as_typed_is_recognised():
    subject = _subject(_hashed(identity_hash("Ada@Learner.Example", "s")))
    assert matches_recipient(subject, {"email": "Ada@Learner.Example"}) == "pass"


@pytest.mark.parametrize(
    "identity",
    [
        _hashed("md5$" + md5(b"ada@learner.examples").hexdigest()),
        _hashed("sha1$" + sha1(b"ada@learner.examples").hexdigest()),
        _hashed(sha256(b"ada@learner.examples").hexdigest()),
        _hashed("sha256$" + sha256(ADDRESS.encode()).hexdigest(), salt=""),
        _hashed("sha256$" + sha256(ADDRESS.encode()).hexdigest(), salt=None),
        _hashed(None),
        _hashed(7),
        "ada@learner.example",
        name_identity("Ada"),
    ],
)
def test_an_identity_that_proves_nothing_leaves_the_recipient_unknown(identity):
    assert matches_recipient(_subject(identity), {"email": ADDRESS}) == "unknown"


@pytest.mark.parametrize(
    "subject", [None, [], "ada", {}, {"identifier": None}, {"identifier": 7}, {"identifier": [[]]}]
)
def test_a_subject_without_identities_leaves_the_recipient_unknown(subject):
    assert matches_recipient(subject, {"email": ADDRESS}) == "unknown"
    assert matches_recipient(subject, {"name": "Ada"}) == "unknown"
    assert matches_recipient(subject, {"id": "did:example:ada"}) == "unknown"


def test_a_readable_address_is_compared_without_case():
    identity = {"identityType": "emailAddress", "hashed": False, "identityHash": "Ada@Learner.example"}
    assert matches_recipient(_subject(identity), {"email": ADDRESS}) == "pass"
    assert matches_recipient(_subject(identity), {"email": "eve@learner.example"}) == "fail"


def test_a_name_is_compared_without_case_and_spacing():
    subject = _subject(name_identity("Ada  Lovelace "))
    assert matches_recipient(subject, {"name": "ada lovelace"}) == "pass"
    assert matches_recipient(subject, {"name": "Ada Byron"}) == "fail"


def test_an_id_is_compared_exactly():
    subject = _subject(id="did:example:ada")
    assert matches_recipient(subject, {"id": "did:example:ada"}) == "pass"
    assert matches_recipient(subject, {"id": "did:example:Ada"}) == "fail"


def test_one_of_several_identities_is_enough():
    subject = _subject(email_identity("other@x.example", "a"), _hashed("md5$00"), email_identity(ADDRESS, "b"))
    assert matches_recipient(subject, {"email": ADDRESS}) == "pass"


def test_everything_that_is_asked_must_fit():
    subject = _subject(email_identity(ADDRESS, "s"), name_identity("Ada"))
    assert matches_recipient(subject, {"email": ADDRESS, "name": "Ada"}) == "pass"
    assert matches_recipient(subject, {"email": ADDRESS, "name": "Eve"}) == "fail"
    assert matches_recipient(subject, {"email": ADDRESS, "id": "did:example:ada"}) == "unknown"
    assert matches_recipient(subject, {}) == "unknown"


def test_a_name_that_an_issuer_made_up_speaks_against_nobody():
    made_up = {"type": ["AchievementSubject"], "id": "urn:uuid:0d6c2b8e-1111-4222-8333-444455556666"}
    assert matches_recipient(made_up, {"id": "did:example:ada"}) == "unknown"
    assert matches_recipient(made_up, {"id": made_up["id"]}) == "pass"


def an_identity(identity: str, **members: Any) -> dict[str, Any]:
    return {"type": "email", "hashed": True, "salt": SALT, "identity": identity, **members}


@pytest.mark.parametrize(
    ("recipient", "expected", "match"),
    [
        (an_identity(identity_hash(EMAIL, SALT)), {"email": EMAIL}, "pass"),
        (an_identity(identity_hash(EMAIL, SALT)), {"email": " Ada@Example.org "}, "pass"),
        (an_identity(identity_hash("Ada@Example.org", SALT)), {"email": "Ada@Example.org"}, "pass"),
        (an_identity(identity_hash("Ada@Example.org", SALT)), {"email": EMAIL}, "fail"),
        (an_identity(identity_hash(EMAIL, SALT).upper().replace("SHA", "sha")), {"email": EMAIL}, "pass"),
        (an_identity(identity_hash(EMAIL, SALT)), {"email": "eve@example.org"}, "fail"),
        (an_identity(identity_hash(EMAIL, ""), salt=None), {"email": EMAIL}, "unknown"),
        (an_identity(identity_hash(EMAIL, ""), salt=""), {"email": EMAIL}, "unknown"),
        (an_identity("md5$0b4e7a0e5fe84ad35fb5f95b9ceeac79"), {"email": EMAIL}, "unknown"),
        (an_identity("sha1$0b4e7a0e5fe84ad35fb5f95b9ceeac79"), {"email": EMAIL}, "unknown"),
        (an_identity(EMAIL, hashed=False), {"email": "ADA@example.org"}, "pass"),
        (an_identity(EMAIL, hashed=False), {"email": "eve@example.org"}, "fail"),
        (an_identity(EMAIL, hashed=False, type="telephone"), {"email": EMAIL}, "unknown"),
        (an_identity("https://x.example/A", hashed=False, type="url"), {"id": "https://x.example/A"}, "pass"),
        (an_identity("https://x.example/A", hashed=False, type="url"), {"id": "https://x.example/a"}, "fail"),
        (an_identity(identity_hash(EMAIL, SALT)), {"email": EMAIL, "name": "Ada"}, "unknown"),
        (an_identity(identity_hash(EMAIL, SALT)), {"email": "eve@example.org", "name": "Ada"}, "fail"),
        (None, {"email": EMAIL}, "unknown"),
        ({"type": ["email"], "identity": EMAIL}, {"email": EMAIL}, "unknown"),
    ],
)
def test_a_recipient_is_compared_exactly_or_not_at_all(recipient: Any, expected: Any, match: str) -> None:
    assert matches_assertion(recipient, expected) == match
