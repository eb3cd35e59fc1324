"""Another library reads what is signed here, and what it signs is read here: openbadgeslib, both ways."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from openbadgeslib.ob3 import ldp
from openbadgeslib.ob3.credential import Achievement, Issuer, OpenBadgeCredential
from openbadgeslib.ob3.signer import OB3Signer
from openbadgeslib.ob3.verifier import OB3VerificationError, OB3Verifier

from shared.credentials import jwt, proofs
from shared.credentials.check import check_document, check_token
from shared.credentials.keys import algorithm_of, did_key
from tests.support.badges import NOW, SIGNED_AT, a_badge, a_key, a_method, a_signed_badge, an_ec_key
from tests.unit.credentials.test_jwt import KEY_URL, a_whole_badge

RSA = rsa.generate_private_key(65537, 2048)
P256 = an_ec_key()


def public(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def their_credential(key):
    achievement = Achievement("https://uni.example/1", "Fire safety", "Knows the way out.", "Left a house.")
    issuer = Issuer(did_key(key.public_key()), "Example University")
    return OpenBadgeCredential(issuer, "did:example:ada", achievement, issuance_date=datetime(2026, 11, 22, tzinfo=UTC))


def test_a_proof_of_ours_is_good_there_and_an_altered_badge_is_not():
    badge = a_signed_badge()
    ldp.verify_data_integrity_proof(badge, public(a_key()))
    with pytest.raises(OB3VerificationError):
        ldp.verify_data_integrity_proof({**badge, "name": "Another"}, public(a_key()))


def test_a_proof_of_theirs_is_good_here_and_an_altered_badge_is_not():
    document = ldp.add_data_integrity_proof(their_credential(a_key()).to_vc(), private(a_key()), a_method(a_key()))
    checks = {check.name: check.outcome for check in check_document(document, now=NOW).checks}
    assert checks["proof"] == "pass", check_document(document, now=NOW)
    assert [each.code for each in proofs.verify({**document, "name": "x"}, lambda *_: a_key().public_key())] == [
        "tampered"
    ]


@pytest.mark.parametrize("key", [RSA, P256], ids=["RS256", "ES256"])
def test_a_token_of_ours_is_good_there_and_an_altered_one_is_not(key):
    token = jwt.write_ob3(a_whole_badge(), key, KEY_URL, SIGNED_AT)
    verified = OB3Verifier(public(key)).verify(token, expected_recipient="did:example:ada")
    assert verified.id == a_badge()["id"]
    with pytest.raises(OB3VerificationError):
        OB3Verifier(public(an_ec_key(2))).verify(token)


@pytest.mark.parametrize("key", [RSA, P256], ids=["RS256", "ES256"])
def test_a_token_of_theirs_fits_the_key_that_it_brings_which_says_of_nobody_that_it_is_theirs(key):
    token = OB3Signer(private(key), algorithm_of(key)).sign(their_credential(key))
    checks = {check.name: (check.outcome, check.code) for check in check_token(token, now=NOW).checks}
    assert checks["structure"] == checks["contexts"] == ("pass", None)
    assert checks["proof"] == ("unknown", "key_not_bound")
