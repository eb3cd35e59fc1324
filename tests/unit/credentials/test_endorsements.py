"""What others say of a badge inside it is checked as credentials are, and decides nothing of the badge."""

from copy import deepcopy

import pytest

from shared.credentials import jwt
from shared.credentials.check import Needs, check_document
from shared.credentials.contexts import CREDENTIALS_V2, OPEN_BADGES_V3
from shared.credentials.endorsements import MAX_ENDORSEMENTS
from shared.credentials.keys import did_key
from shared.credentials.proofs import sign
from tests.support.badges import NOW, SIGNED_AT, a_badge, a_key, a_method, an_ec_key, signed

BADGE = a_badge(status=[])
ENDORSER = did_key(a_key(2).public_key())


def an_endorsement(about=None, key=None, **members):
    key = key or a_key(2)
    unsigned = {
        "@context": [CREDENTIALS_V2, OPEN_BADGES_V3],
        "id": "urn:uuid:0d6c2b8e-0000-4000-8000-0000000000e1",
        "type": ["VerifiableCredential", "EndorsementCredential"],
        "issuer": {"id": did_key(key.public_key()), "type": ["Profile"], "name": "Guild of firefighters"},
        "name": "Endorsed",
        "validFrom": "2026-11-22T10:00:00Z",
        "credentialSubject": {
            "id": about or BADGE["id"], "type": ["EndorsementSubject"], "endorsementComment": "We ask for it."
        },
        **members,
    }  # fmt: skip
    return sign(unsigned, key, a_method(key), SIGNED_AT)


def with_endorsements(*given, place=(), member="endorsement"):
    badge = deepcopy(BADGE)
    part = badge
    for name in place:
        part = part[name]
    part[member] = list(given)
    return signed(badge)


def said(badge, fetched=None):
    found = check_document(badge, now=NOW, fetched=fetched or {})
    assert not isinstance(found, Needs), found
    outcomes = {each.name: (each.outcome, each.code) for each in found.checks}
    assert outcomes["proof"] == ("pass", None), found.checks
    return outcomes.get("endorsement")


ACHIEVEMENT = ("credentialSubject", "achievement")


@pytest.mark.parametrize(
    ("place", "about"),
    [
        ((), BADGE["id"]),
        ((), BADGE["credentialSubject"]["achievement"]["id"]),
        ((), BADGE["issuer"]["id"]),
        (ACHIEVEMENT, BADGE["credentialSubject"]["achievement"]["id"]),
        (("issuer",), BADGE["issuer"]["id"]),
    ],
)
def test_an_endorsement_of_what_it_stands_at_passes_and_says_who_made_it(place, about):
    badge = with_endorsements(an_endorsement(about), place=place)
    assert said(badge) == ("pass", None)
    [check] = [each for each in check_document(badge, now=NOW, fetched={}).checks if each.name == "endorsement"]
    assert "“Guild of firefighters”" in check.detail


def test_a_badge_without_one_has_no_such_check():
    assert said(signed(BADGE)) is None


@pytest.mark.parametrize(
    ("place", "about"),
    [((), "https://elsewhere.example/badge"), (ACHIEVEMENT, BADGE["issuer"]["id"]), (("issuer",), BADGE["id"] + "1")],
)
def test_an_endorsement_of_something_else_fails(place, about):
    assert said(with_endorsements(an_endorsement(about), place=place)) == ("fail", "endorses_something_else")


def test_another_credential_in_the_place_of_an_endorsement_fails():
    other = sign(a_badge(a_key(2), status=[]), a_key(2), a_method(a_key(2)), SIGNED_AT)
    other["id"] = "urn:uuid:0d6c2b8e-0000-4000-8000-0000000000e2"
    assert said(with_endorsements(other))[0] == "fail"


def test_an_endorsement_that_was_changed_fails_and_the_badge_does_not():
    changed = an_endorsement()
    changed["credentialSubject"]["endorsementComment"] = "We demand it."
    assert said(with_endorsements(changed)) == ("fail", "tampered")
    assert said(with_endorsements(an_endorsement(validUntil="2026-11-22T12:00:00Z"))) == ("fail", "expired")


def test_the_worst_of_several_is_told():
    changed = an_endorsement()
    changed["name"] = "Other"
    assert said(with_endorsements(an_endorsement(), changed)) == ("fail", "tampered")
    assert said(with_endorsements(an_endorsement(), an_endorsement(key=a_key(3)))) == ("pass", None)


def test_no_more_than_some_are_looked_at():
    many = [an_endorsement(id=f"urn:uuid:0d6c2b8e-0000-4000-8000-0000000000{n:02}") for n in range(MAX_ENDORSEMENTS)]
    assert said(with_endorsements(*many)) == ("pass", None)
    assert said(with_endorsements(*many, an_endorsement())) == ("unknown", "too_complex")


def test_an_endorsers_keys_are_asked_for_with_all_else_that_is_needed():
    endorsement = an_endorsement()
    endorsement["issuer"]["id"] = "did:web:guild.example"
    endorsement["proof"]["verificationMethod"] = "did:web:guild.example#key"
    badge = with_endorsements(endorsement)
    address = "https://guild.example/.well-known/did.json"
    assert check_document(badge, now=NOW, fetched={}) == Needs(urls=(address,))
    assert said(badge, {address: None}) == ("unknown", "key_unresolvable")


def test_an_endorsement_may_be_a_token():
    key = an_ec_key(2)
    unsigned = an_endorsement()
    del unsigned["proof"]
    unsigned["issuer"]["id"] = did_key(key.public_key())
    token = jwt.write_vc(unsigned, key, a_method(key), SIGNED_AT)
    assert said(with_endorsements(token, member="endorsementJwt")) == ("pass", None)
    head, payload, signature = token.split(".")
    broken = ".".join((head, payload, signature[:-4] + "AAAA"))
    assert said(with_endorsements(broken, member="endorsementJwt"))[0] == "fail"


def test_an_endorsements_own_status_is_looked_at():
    status = {"id": "urn:s#1", "type": "BitstringStatusListEntry", "statusPurpose": "revocation"}
    status |= {"statusListIndex": "1", "statusListCredential": "https://guild.example/lists/1"}
    badge = with_endorsements(an_endorsement(credentialStatus=status))
    assert check_document(badge, now=NOW, fetched={}) == Needs(urls=("https://guild.example/lists/1",))
    assert said(badge, {"https://guild.example/lists/1": None}) == ("unknown", "status_unavailable")


@pytest.mark.parametrize("moved", ["credentialStatus", "validUntil"])
def test_nothing_of_the_badge_can_hide_in_what_endorses_it(moved):
    badge = signed(a_badge() | {"endorsement": [an_endorsement()]})
    assert check_document(badge, now=NOW).signed_by_issuer
    badge["endorsement"][0]["credentialSubject"][moved] = badge.pop(moved)
    found = {each.name: each.code for each in check_document(badge, now=NOW).checks}
    assert "data_loss" in (found["structure"], found.get("proof"))


def test_what_stands_in_an_endorsement_is_not_gone_into():
    inner = an_endorsement()
    inner["endorsement"] = [
        an_endorsement("https://elsewhere.example/1", id="urn:uuid:0d6c2b8e-0000-4000-8000-0000000000e2")
    ]
    assert said(with_endorsements(sign(inner, a_key(2), a_method(a_key(2)), SIGNED_AT))) == ("pass", None)
