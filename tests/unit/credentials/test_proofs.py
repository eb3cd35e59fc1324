"""Proofs are made and checked as VC-DI-EdDSA says, and nothing undecided is ever good."""

import json
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.credentials import base64url, jsonld, proofs
from shared.credentials.contexts import OPEN_BADGES_EXTENSIONS, pinned
from shared.credentials.dids import controller_of
from shared.credentials.errors import DataLoss, InvalidKey
from shared.credentials.keys import decode_multikey, did_key, key_of_did
from shared.credentials.multibase import decode_base58, encode_base58
from shared.credentials.suites import ECDSA_JCS, ECDSA_RDFC, ED25519_2018, EDDSA_JCS, EDDSA_RDFC, SUITES
from tests.support.badges import SIGNED_AT, a_badge, a_key, a_method, a_signed_badge, an_ec_key

VECTORS = Path(__file__).parent / "vectors"
ORDER = 2**252 + 27742317777372353535851937790883648493


def _own_key(method, _created):
    return key_of_did(controller_of(method))


def _fragment_key(method, _created):
    return decode_multikey(method.partition("#")[2])


def _outcomes(document, resolve=_own_key):
    return [(finding.outcome, finding.code) for finding in proofs.verify(document, resolve)]


def _vector(name, monkeypatch):
    vector = json.loads((VECTORS / f"{name}.json").read_text())
    contexts = {**pinned(), **vector.get("stand_in_contexts", {})}
    monkeypatch.setattr(jsonld, "pinned", lambda: contexts)
    return vector


def _private_key(vector):
    if "private_key" in vector:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["private_key"]))
    return Ed25519PrivateKey.from_private_bytes(decode_base58(vector["private_key_multibase"])[2:])


@pytest.mark.parametrize("name", ["open_badges_3_guide", "vc_di_eddsa_rdfc_2022"])
def test_a_published_proof_verifies_and_is_made_again_to_the_letter(name, monkeypatch):
    vector = _vector(name, monkeypatch)
    signed = vector["signed"]
    assert _outcomes(signed, _fragment_key) == [("pass", "signed")]
    unsigned = {member: value for member, value in signed.items() if member != "proof"}
    created = datetime.fromisoformat(signed["proof"]["created"])
    assert proofs.sign(unsigned, _private_key(vector), signed["proof"]["verificationMethod"], created) == signed


PUBLISHED = [
    "vc_di_ecdsa_jcs_2019_p256",
    "vc_di_ecdsa_jcs_2019_p384",
    "vc_di_ecdsa_rdfc_2019_p256",
    "vc_di_ecdsa_rdfc_2019_p384",
    "vc_di_ed25519_signature_2020",
    "vc_di_eddsa_jcs_2022",
    "vc_di_proof_chain",
]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_proof_of_every_kind_verifies_and_an_altered_one_does_not(name, monkeypatch):
    signed = _vector(name, monkeypatch)["signed"]
    assert {outcome for outcome, _ in _outcomes(signed, _fragment_key)} == {"pass"}
    altered = {**signed, "credentialSubject": {**signed["credentialSubject"], "alumniOf": "Another school"}}
    assert {outcome for outcome, _ in _outcomes(altered, _fragment_key)} == {"fail"}


def test_a_proof_of_a_chain_covers_the_proofs_that_it_builds_on(monkeypatch):
    signed = _vector("vc_di_proof_chain", monkeypatch)["signed"]
    first, second, third, fourth = signed["proof"]

    def found(*proofs_left):
        return _outcomes(signed | {"proof": list(proofs_left)}, _fragment_key)

    assert found(first, second, third) == [("pass", "signed")] * 3
    assert found(first, third) == [("pass", "signed"), ("fail", "proof_malformed")]
    other = {**first, "created": "2023-02-24T23:36:39Z"}
    assert found(other, second, third)[2] == ("fail", "tampered")
    assert found(first, second, third, {**fourth, "previousProof": [third["id"], first["id"]]})[3][0] == "fail"
    assert found(first, second, {**third, "previousProof": first["id"]})[2] == ("fail", "tampered")


@pytest.mark.parametrize("suite", [*(suite for suite in SUITES.values() if suite.proof_type == "DataIntegrityProof")])
@pytest.mark.parametrize("key", [a_key(), an_ec_key(), an_ec_key(curve="P-384")], ids=["Ed25519", "P-256", "P-384"])
def test_each_suite_signs_with_its_own_kinds_of_keys_alone(suite, key):
    ecdsa = suite in (ECDSA_RDFC, ECDSA_JCS)
    if ecdsa == isinstance(key, Ed25519PrivateKey):
        with pytest.raises(InvalidKey):
            proofs.sign(a_badge(), key, a_method(key), SIGNED_AT, suite)
        return
    signed = proofs.sign(a_badge(), key, a_method(key), SIGNED_AT, suite)
    assert _outcomes(signed) == [("pass", "signed")]
    assert _outcomes({**signed, "name": "Another"}) == [("fail", "tampered")]
    shuffled = dict(reversed(signed.items())) | {"proof": dict(reversed(signed["proof"].items()))}
    assert _outcomes(shuffled) == [("pass", "signed")]


def test_a_context_behind_those_that_a_jcs_proof_covers_is_one_that_nobody_signed():
    signed = proofs.sign(a_badge(), a_key(), a_method(a_key()), SIGNED_AT, EDDSA_JCS)
    more = {**signed, "@context": [*signed["@context"], OPEN_BADGES_EXTENSIONS]}
    assert _outcomes(more) == [("fail", "data_loss")]
    fewer = _with(signed, **{"@context": signed["@context"][:1]})
    assert _outcomes(fewer) == [("fail", "data_loss")]
    assert _outcomes(_with(signed, **{"@context": signed["@context"][1:]})) == [("fail", "proof_malformed")]
    assert _outcomes(_without(signed, "@context")) == [("fail", "tampered")]


def test_ed25519_signature_2018_is_read_with_its_one_header_and_no_other():
    document = {
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        "type": ["VerifiableCredential"],
        "issuer": "https://vc.example/issuers/1",
        "issuanceDate": "2023-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:abcdefgh"},
    }
    signed = proofs.sign(document, a_key(), a_method(a_key()), SIGNED_AT, ED25519_2018)
    assert _outcomes(signed) == [("pass", "signed")]
    assert _outcomes({**signed, "issuer": "https://vc.example/issuers/2"}) == [("fail", "tampered")]
    signature = signed["proof"]["jws"].partition("..")[2]
    for header in (
        {"alg": "EdDSA"},
        {"alg": "none", "b64": False, "crit": ["b64"]},
        {"alg": "EdDSA", "b64": True, "crit": ["b64"]},
        {"alg": "EdDSA", "b64": False, "crit": ["b64", "x"]},
        {"b64": False, "alg": "EdDSA", "crit": ["b64"], "kid": "x"},
    ):
        other = base64url.encode(json.dumps(header, separators=(",", ":")).encode()) + ".." + signature
        assert _outcomes(_with(signed, jws=other)) == [("fail", "invalid_signature")]
    assert _outcomes(_with(signed, jws=signed["proof"]["jws"].replace("..", ".e30."))) == [
        ("fail", "invalid_signature")
    ]


def test_signing_leaves_the_given_document_as_it_was():
    badge = a_badge()
    before = deepcopy(badge)
    signed = proofs.sign(badge, a_key(), a_method(a_key()), SIGNED_AT)
    signed["name"] = "Another"
    assert badge == before


def test_signing_again_replaces_the_proof_and_does_not_sign_it():
    signed = a_signed_badge()
    assert proofs.sign(signed, a_key(), a_method(a_key()), SIGNED_AT) == signed


def test_badges_signed_in_many_threads_at_once_are_those_signed_in_one():
    badges = [a_badge(credential_id=f"https://badges.example/credentials/{n}") for n in range(40)]

    def signed(badge):
        return proofs.sign(badge, a_key(), a_method(a_key()), SIGNED_AT)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(signed, badges)) == [signed(badge) for badge in badges]


def test_a_badge_that_would_lose_a_member_is_not_signed():
    with pytest.raises(DataLoss):
        proofs.sign(a_badge() | {"nickname": "x"}, a_key(), a_method(a_key()), SIGNED_AT)


def test_a_signed_badge_verifies_after_its_members_were_put_in_another_order():
    signed = json.loads(json.dumps(a_signed_badge(), sort_keys=True))
    assert _outcomes(signed) == [("pass", "signed")]


def test_a_term_added_after_signing_is_data_loss_where_it_is_undefined():
    assert _outcomes(a_signed_badge() | {"nickname": "x"}) == [("fail", "data_loss")]


def test_a_decomposed_letter_is_not_the_letter_that_was_signed():
    signed = a_signed_badge()
    signed["name"] = "e\u0301"
    assert _outcomes(signed) == [("fail", "tampered")]


def test_a_signature_by_another_key_is_no_signature():
    signed = a_signed_badge()
    assert _outcomes(signed, lambda *_: a_key(2).public_key()) == [("fail", "tampered")]


def _with(signed, **members):
    return signed | {"proof": {**signed["proof"], **members}}


def _without(signed, name):
    return signed | {"proof": {member: value for member, value in signed["proof"].items() if member != name}}


@pytest.mark.parametrize(
    ("members", "finding"),
    [
        ({"type": "Ed25519Signature2020"}, ("fail", "data_loss")),
        ({"type": "Ed25519Signature2018"}, ("fail", "proof_malformed")),
        ({"type": "eddsa-rdfc-2022"}, ("unknown", "unsupported_proof")),
        ({"type": "RsaSignature2018"}, ("unknown", "unsupported_proof")),
        ({"type": 7}, ("fail", "proof_malformed")),
        ({"cryptosuite": "eddsa-jcs-2022"}, ("fail", "tampered")),
        ({"cryptosuite": "ecdsa-rdfc-2019"}, ("fail", "invalid_signature")),
        ({"cryptosuite": "Ed25519Signature2020"}, ("unknown", "unsupported_proof")),
        ({"jws": "e30..AA"}, ("fail", "proof_malformed")),
        ({"cryptosuite": "EDDSA-RDFC-2022"}, ("unknown", "unsupported_proof")),
        ({"cryptosuite": ["eddsa-rdfc-2022"]}, ("fail", "proof_malformed")),
        ({"proofPurpose": "authentication"}, ("fail", "wrong_proof_purpose")),
        ({"proofPurpose": ["assertionMethod"]}, ("fail", "wrong_proof_purpose")),
        ({"previousProof": "urn:uuid:1"}, ("fail", "proof_malformed")),
        ({"previousProof": {"id": "urn:uuid:1"}}, ("fail", "proof_malformed")),
        ({"previousProof": 7}, ("fail", "proof_malformed")),
        ({"id": "urn:uuid:1", "previousProof": "urn:uuid:1"}, ("fail", "proof_malformed")),
        ({"created": "yesterday"}, ("fail", "proof_malformed")),
        ({"created": "2026-11-22T10:00:00"}, ("fail", "proof_malformed")),
        ({"created": "2026-11-22T10:00:01Z"}, ("fail", "tampered")),
        ({"expires": "2030-01-01T00:00:00Z"}, ("fail", "tampered")),
        ({"expires": 7}, ("fail", "proof_malformed")),
        ({"nonce": "x"}, ("fail", "tampered")),
        ({"domain": "https://x.example"}, ("fail", "tampered")),
        ({"id": "urn:uuid:1b5b1e4e-0000-4000-8000-000000000001"}, ("fail", "tampered")),
        ({"nickname": "x"}, ("fail", "data_loss")),
        ({"@context": "https://www.w3.org/ns/credentials/v2"}, ("fail", "proof_malformed")),
        ({"verificationMethod": {"id": "did:key:z"}}, ("fail", "proof_malformed")),
        ({"verificationMethod": "did:key:z6Mk"}, ("unknown", "unsupported_key")),
        ({"verificationMethod": did_key(an_ec_key().public_key())}, ("fail", "invalid_signature")),
        ({"verificationMethod": "did:key:6Mk"}, ("fail", "invalid_signature")),
        ({"proofValue": ""}, ("fail", "invalid_signature")),
        ({"proofValue": "z"}, ("fail", "invalid_signature")),
        ({"proofValue": "u" + "A" * 86}, ("fail", "invalid_signature")),
        ({"proofValue": "z0OIl"}, ("fail", "invalid_signature")),
        ({"proofValue": "z" + "2" * 1_000_000}, ("fail", "invalid_signature")),
        ({"proofValue": encode_base58(bytes(64))}, ("fail", "tampered")),
        ({"proofValue": None}, ("fail", "proof_malformed")),
    ],
)
def test_a_proof_with_another_member_is_never_good(members, finding):
    assert _outcomes(_with(a_signed_badge(), **members)) == [finding]


@pytest.mark.parametrize("name", ["type", "cryptosuite", "created", "verificationMethod", "proofPurpose", "proofValue"])
def test_a_proof_without_one_of_its_members_is_never_good(name):
    [(outcome, _)] = _outcomes(_without(a_signed_badge(), name))
    assert outcome == "fail"


def test_the_second_form_of_the_signature_is_refused():
    signed = a_signed_badge()
    raw = decode_base58(signed["proof"]["proofValue"])
    s = int.from_bytes(raw[32:], "little") + ORDER
    second = encode_base58(raw[:32] + s.to_bytes(32, "little"))
    assert _outcomes(_with(signed, proofValue=second)) == [("fail", "invalid_signature")]


def test_a_key_of_small_order_is_refused_though_its_signature_fits():
    identity = b"\x01" + bytes(31)
    did = "did:key:" + encode_base58(b"\xed\x01" + identity)
    signed = _with(
        a_signed_badge(), verificationMethod=f"{did}#{did[8:]}", proofValue=encode_base58(identity + bytes(32))
    )
    assert _outcomes(signed) == [("fail", "invalid_signature")]


@pytest.mark.parametrize("proof", [None, "x", 7, [], [[]], [None], {}, [{}], True])
def test_a_document_without_a_real_proof_fails(proof):
    findings = _outcomes(a_badge() | {"proof": proof})
    assert {outcome for outcome, _ in findings} == {"fail"}


def test_an_unsigned_document_fails():
    assert _outcomes(a_badge()) == [("fail", "proof_missing")]


def test_members_of_a_proof_beyond_those_needed_are_signed_with_it():
    badge, options = a_badge(), {"expires": "2030-01-01T00:00:00Z", "nonce": "n", "domain": "https://x.example"}
    config = {**options, **{n: v for n, v in a_signed_badge()["proof"].items() if n != "proofValue"}}
    value = encode_base58(a_key().sign(EDDSA_RDFC.message(badge, config, a_key())))
    signed = badge | {"proof": {**config, "proofValue": value}}
    assert _outcomes(signed) == [("pass", "signed")]
    assert proofs.verify(signed, _own_key)[0].expires == datetime(2030, 1, 1, tzinfo=UTC)
    assert _outcomes(_with(signed, nonce="m")) == [("fail", "tampered")]
    assert _outcomes(_without(signed, "domain")) == [("fail", "tampered")]


def test_each_proof_of_a_set_is_checked_by_itself():
    first, second = a_signed_badge(a_key(1)), a_signed_badge(a_key(1))
    other = proofs.sign(second, a_key(2), a_method(a_key(2)), SIGNED_AT)["proof"]
    assert _outcomes(first | {"proof": [first["proof"], other]}) == [("pass", "signed")] * 2
    broken = {**other, "created": "2026-11-22T10:00:01Z"}
    assert _outcomes(first | {"proof": [first["proof"], broken]}) == [("pass", "signed"), ("fail", "tampered")]
    unsupported = {**other, "cryptosuite": "ecdsa-sd-2023"}
    assert _outcomes(first | {"proof": [unsupported, first["proof"]]})[0] == ("unknown", "unsupported_proof")


def test_the_same_proof_twice_and_too_many_proofs_are_refused():
    signed = a_signed_badge()
    proof = signed["proof"]
    assert _outcomes(signed | {"proof": [proof, proof]}) == [("fail", "proof_malformed")]
    many = [{**proof, "nonce": str(n)} for n in range(proofs.MAX_PROOFS + 1)]
    assert _outcomes(signed | {"proof": many}) == [("unknown", "too_complex")]


def test_the_resolver_decides_which_keys_count_and_is_told_when_the_proof_was_made():
    asked = []

    def refuse(method, created):
        asked.append((method, created))
        raise InvalidKey("retired", "key_retired")

    assert _outcomes(a_signed_badge(), refuse) == [("fail", "key_retired")]
    assert asked == [(a_method(a_key()), SIGNED_AT)]
