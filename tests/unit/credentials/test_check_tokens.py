"""A badge that comes as a token is judged as the same badge in JSON is: by its form, its terms, its issuer's key."""

from datetime import timedelta
from hashlib import sha256

import pytest

from shared.credentials import jwt
from shared.credentials.check import check_token, document_in
from shared.credentials.compiled import Shapes
from shared.credentials.dids import jwk_url
from shared.credentials.instants import write_instant
from shared.credentials.keys import did_key, encode_multikey, method_id
from shared.credentials.known_keys import KnownKey
from tests.support.badges import NOW, SIGNED_AT, a_badge, a_key, a_method, an_ec_key
from tests.unit.credentials.test_jwt import KEY_URL, encoded

P256 = an_ec_key()
OWN = did_key(P256.public_key())
OAK = "did:web:badges.example:institutions:oak"
KID = "0d6c2b8e-1111-4222-8333-444455556666"


def a_token(key=P256, method=None, **members):
    did = did_key(key.public_key())
    badge = a_badge(key, **members)
    return jwt.write_vc(badge, key, method or method_id(did, key.public_key()), SIGNED_AT)


def checks(text, *known, now=NOW):
    checked = check_token(text, now=now, known_keys=known)
    return {check.name: (check.outcome, check.code) for check in checked.checks}


def known(key=P256, did=OAK, **members):
    public = key.public_key()
    return KnownKey(
        verification_method=method_id(did, public),
        public_key_multibase=encode_multikey(public),
        jwk_url=jwk_url(did, KID),
        **members,
    )


def oaks_token(key=P256, **claims):
    badge = a_badge() | {"credentialSubject": a_badge()["credentialSubject"] | {"id": "did:example:ada"}}
    badge["issuer"] = badge["issuer"] | {"id": OAK}
    badge["credentialSubject"]["achievement"]["creator"]["id"] = OAK
    if claims:
        header = {"alg": "ES256", "kid": jwk_url(OAK, KID), "typ": "JWT"}
        return encoded(header, {**badge, **claims}, key)
    return jwt.write_ob3(badge, key, jwk_url(OAK, KID), SIGNED_AT)


@pytest.mark.parametrize("key", [P256, an_ec_key(curve="P-384"), a_key()], ids=["P-256", "P-384", "Ed25519"])
def test_a_strangers_token_with_its_own_key_is_signed_by_its_issuer(key):
    text = a_token(key)
    assert {outcome for outcome, _ in checks(text).values()} == {"pass"}
    checked = check_token(f"\n{text} ", now=NOW)
    assert checked.signed_by_issuer
    assert checked.facts.digest == sha256(text.encode()).hexdigest()
    assert checked.facts.proof_created == SIGNED_AT
    assert document_in(text) == a_badge(key)


def test_a_token_of_open_badges_names_its_key_by_a_url_that_is_known_as_the_institutions():
    assert {outcome for outcome, _ in checks(oaks_token(), known()).values()} == {"pass"}
    facts = check_token(oaks_token(), now=NOW, known_keys=(known(),)).facts
    assert facts.verification_methods == (known().verification_method,)
    assert checks(oaks_token())["proof"] == ("unknown", "key_unresolvable")
    assert checks(oaks_token(an_ec_key(2)), known())["proof"] == ("fail", "tampered")
    elms = known(did="did:web:badges.example:institutions:elm")
    assert checks(oaks_token(), elms.model_copy(update={"jwk_url": jwk_url(OAK, KID)}))["issuer"] == (
        "fail",
        "issuer_mismatch",
    )


def test_a_key_that_was_retired_counts_for_what_was_signed_before():
    retired = known(retired_at=SIGNED_AT + timedelta(days=1))
    assert checks(oaks_token(), retired)["proof"] == ("pass", None)
    assert checks(oaks_token(), known(retired_at=SIGNED_AT - timedelta(days=1)))["proof"] == ("fail", "key_retired")
    assert checks(oaks_token(iss=OAK), retired)["proof"] == ("fail", "key_retired")  # it does not say when


def test_a_badge_signed_by_somebody_else_than_the_issuer_it_names_is_a_mismatch():
    badge = a_badge(P256)
    eve = an_ec_key(2)
    text = jwt.write_vc(badge, eve, method_id(did_key(eve.public_key()), eve.public_key()), SIGNED_AT)
    assert checks(text)["issuer"] == ("fail", "issuer_mismatch")


def test_a_term_that_means_nothing_is_found_though_the_token_covers_it():
    header = {"alg": "ES256", "kid": method_id(OWN, P256.public_key()), "typ": "vc+jwt"}
    assert checks(encoded(header, {**a_badge(P256), "nickname": "x"}, P256))["contexts"] == ("fail", "data_loss")
    assert checks(encoded(header, a_badge(P256), P256))["contexts"] == ("pass", None)


def test_what_is_no_token_or_no_badge_says_which_and_looks_no_further():
    assert checks("no token")["structure"] == ("fail", "malformed")
    assert checks("a.b.c.d.e")["structure"] == ("unknown", "unsupported_format")
    assert checks(encoded({"alg": "none"}, a_badge()))["proof"] == ("fail", "invalid_signature")
    assert checks(oaks_token(iss="did:web:other.example"))["proof"] == ("fail", "claims_mismatch")
    plain = encoded({"alg": "ES256", "kid": KEY_URL}, {"type": ["VerifiableCredential"], "@context": []}, P256)
    assert checks(plain)["structure"] == ("unknown", "unsupported_format")
    assert document_in("no token") is None
    assert document_in({"a": 1}) == {"a": 1}


def test_the_dates_of_a_vc_claim_are_members_of_its_data_model():
    header = {"alg": "ES256", "kid": method_id(OWN, P256.public_key())}
    inside = {name: value for name, value in a_badge(P256).items() if name not in ("validFrom", "validUntil")}
    seconds = {"nbf": int(NOW.timestamp()) - 60, "exp": int(NOW.timestamp()) + 60}
    dated = encoded(header, {"vc": inside, **seconds}, P256)
    assert {"contexts": ("pass", None), "validity": ("pass", None)}.items() <= checks(dated).items()
    assert document_in(dated)["validFrom"] == write_instant(NOW - timedelta(seconds=60))


def test_an_ended_token_of_a_credential_without_end_is_expired():
    header = {"alg": "ES256", "kid": method_id(OWN, P256.public_key()), "typ": "vc+jwt"}
    ended = encoded(header, {**a_badge(P256, valid_until=None), "exp": int(NOW.timestamp()) - 1}, P256)
    assert checks(ended)["proof"] == ("fail", "expired")
    assert checks(ended)["validity"] == ("pass", None)


def test_a_token_that_is_not_to_be_accepted_yet_is_not_valid():
    header = {"alg": "ES256", "kid": method_id(OWN, P256.public_key()), "typ": "vc+jwt"}
    early = encoded(header, {**a_badge(P256), "nbf": int(NOW.timestamp()) + 3600}, P256)
    assert checks(early)["proof"] == ("fail", "not_yet_valid")
    assert checks(encoded(header, {**a_badge(P256), "nbf": int(NOW.timestamp())}, P256))["proof"] == ("pass", None)


def test_a_token_is_checked_alike_with_shapes_and_without_whatever_its_members_mean():
    shapes = Shapes()
    twins = [{"narrative": "The same"}] * 3
    for badge in (
        *(a_badge(credential_id=f"https://badges.example/credentials/{number}") for number in range(4)),
        a_badge() | {"undefinedTerm": 1},
        a_badge() | {"evidence": [{"id": "urn:x:1", "type": ["Evidence"]}] * 2},
        a_badge(evidence=twins),
    ):
        token = jwt.write_vc(badge, a_key(), a_method(a_key()), SIGNED_AT)
        assert check_token(token, now=NOW, shapes=shapes) == check_token(token, now=NOW)
    assert shapes.served == 2
