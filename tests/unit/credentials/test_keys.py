"""Keys and DIDs have one form each, and keys under which signatures mean nothing are refused."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials import dids, multibase
from shared.credentials.canonical import rdfc
from shared.credentials.contexts import DID_V1, MULTIKEY_V1, pinned
from shared.credentials.controllers import signing_keys
from shared.credentials.errors import InvalidKey, InvalidStatusList
from shared.credentials.jwk import from_jwk
from shared.credentials.keys import (
    decode_multikey,
    did_key,
    encode_multikey,
    is_signature,
    key_of_did,
    method_id,
    verify_signature,
)
from tests.support.badges import a_key, an_ec_key

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
SMALL_ORDER = [  # the eight points, and the two with x = 0 written with the sign bit set
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
NON_CANONICAL = [value.to_bytes(32, "little").hex() for value in (FIELD, FIELD + 1, FIELD + 18, 2**255 - 1)]


@given(st.binary(max_size=80))
def test_base58_and_base64url_give_back_the_bytes(raw):
    assert multibase.decode_base58(multibase.encode_base58(raw)) == raw
    assert multibase.decode_base64url(multibase.encode_base64url(raw)) == raw


@pytest.mark.parametrize("text", ["", "m", "z0", "zO", "zl", "Z111", "z1 1", "z" + "2" * 5000, "zé"])
def test_what_is_not_base58btc_is_refused(text):
    with pytest.raises(InvalidKey):
        multibase.decode_base58(text)


@pytest.mark.parametrize("text", ["", "u*", "uQ==", "uQ", "z11", "uAA\n", "u é"])
def test_what_is_not_base64url_without_padding_is_refused(text):
    with pytest.raises(InvalidStatusList):
        multibase.decode_base64url(text)


@given(st.binary(min_size=32, max_size=32))
def test_a_key_becomes_a_multikey_and_a_did_and_comes_back(seed):
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    assert decode_multikey(encode_multikey(key)) == key
    assert key_of_did(did_key(key)) == key
    assert method_id(did_key(key), key) == f"{did_key(key)}#{encode_multikey(key)}"
    assert dids.controller_of(method_id(did_key(key), key)) == did_key(key)


def _multikey(raw, prefix=b"\xed\x01"):
    return multibase.encode_base58(prefix + raw)


@pytest.mark.parametrize("point", SMALL_ORDER + NON_CANONICAL)
def test_a_key_of_small_order_or_in_a_second_form_is_refused(point):
    with pytest.raises(InvalidKey) as refusal:
        decode_multikey(_multikey(bytes.fromhex(point)))
    assert refusal.value.code == "invalid_key"


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(InvalidKey):
        decode_multikey(_multikey(b"\x09" * length))


def test_another_kind_of_key_is_unsupported_and_not_taken_for_ed25519():
    with pytest.raises(InvalidKey) as refusal:
        decode_multikey(_multikey(b"\x02" * 33, prefix=b"\xe7\x01"))
    assert refusal.value.code == "unsupported_key"


@pytest.mark.parametrize("did", ["did:web:x.example", "did:key:", "did:key:z", "key:z6Mk", "did:KEY:" + "z6Mk" * 8, ""])
def test_what_is_not_a_did_key_is_refused(did):
    with pytest.raises(InvalidKey):
        key_of_did(did)


def test_the_second_form_of_a_signature_is_refused():
    key, message = a_key(), b"message"
    signature = key.sign(message)
    s = int.from_bytes(signature[32:], "little") + ORDER
    second = signature[:32] + s.to_bytes(32, "little")
    assert verify_signature(key.public_key(), signature, message)
    assert not is_signature(key.public_key(), second)
    assert not verify_signature(key.public_key(), second, message)


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length):
    assert not verify_signature(a_key().public_key(), b"\0" * length, b"message")


def test_a_signature_that_fits_every_message_under_a_small_order_key_needs_our_refusal():
    identity = bytes.fromhex(SMALL_ORDER[2])
    forged = identity + bytes(32)
    assert Ed25519PublicKey.from_public_bytes(identity).verify(forged, b"any message") is None
    with pytest.raises(InvalidKey):
        decode_multikey(_multikey(identity))


@pytest.mark.parametrize(
    ("base", "did"),
    [
        ("https://badges.example", "did:web:badges.example:institutions:uni"),
        ("https://badges.example/", "did:web:badges.example:institutions:uni"),
        ("https://badges.example:443", "did:web:badges.example:institutions:uni"),
        ("https://badges.example:8443", "did:web:badges.example%3A8443:institutions:uni"),
        ("https://Badges.example/a/b", "did:web:badges.example:a:b:institutions:uni"),
    ],
)
def test_an_institution_is_named_by_where_its_did_document_stands(base, did):
    assert dids.did_web(base, "uni") == did


@pytest.mark.parametrize(
    ("base", "slug"),
    [
        ("http://badges.example", "uni"),
        ("https://user@badges.example", "uni"),
        ("https://badges.example?x=1", "uni"),
        ("https://", "uni"),
        ("https://badges.example", "../uni"),
        ("https://badges.example", "Uni"),
        ("https://badges.example", "a:b"),
        ("https://badges.example", ""),
    ],
)
def test_an_address_or_slug_that_would_not_lead_back_is_refused(base, slug):
    with pytest.raises(InvalidKey):
        dids.did_web(base, slug)


def test_a_did_document_names_each_key_by_its_absolute_id_and_as_a_string():
    did, keys = "did:web:badges.example:institutions:uni", [a_key(1).public_key(), a_key(2).public_key()]
    document = dids.did_document(did, keys)
    methods = document["verificationMethod"]
    assert document["@context"] == [DID_V1, MULTIKEY_V1]
    assert document["assertionMethod"] == [method["id"] for method in methods]
    assert all(method["id"].startswith(f"{did}#") and method["controller"] == did for method in methods)
    assert [decode_multikey(method["publicKeyMultibase"]) for method in methods] == keys


def test_a_did_document_says_nothing_that_its_contexts_leave_undefined():
    assert "publicKeyMultibase" in rdfc(dids.did_document("did:web:badges.example", [a_key().public_key()]))


def test_a_did_document_has_keys_for_tokens_as_jwk_under_ids_of_their_own():
    did, key_id, key = "did:web:badges.example:institutions:uni", UUID(int=1), an_ec_key().public_key()
    document = dids.did_document(did, [key], as_jwk={key_id: key})
    multikey, as_jwk = document["verificationMethod"]
    assert as_jwk["id"] == f"{did}#{key_id}" != multikey["id"]
    assert (as_jwk["type"], as_jwk["controller"]) == ("JsonWebKey", did)
    assert from_jwk(as_jwk["publicKeyJwk"]) == key
    assert "publicKeyMultibase" not in as_jwk
    assert document["assertionMethod"] == [multikey["id"], as_jwk["id"]]


def test_a_did_document_with_jwks_says_itself_what_they_mean():
    key = an_ec_key().public_key()
    document = dids.did_document("did:web:badges.example", [key], as_jwk={UUID(int=1): key})
    *named, own = document["@context"]
    contexts = {**pinned(), "urn:own": {"@context": own}}
    quads = rdfc({**document, "@context": [*named, "urn:own"]}, contexts)
    assert "<https://w3id.org/security#JsonWebKey>" in quads
    assert "<https://w3id.org/security#publicKeyJwk>" in quads


def test_a_did_document_says_of_both_forms_of_a_key_since_when_it_is_revoked():
    did, key, other = "did:web:badges.example", an_ec_key().public_key(), a_key().public_key()
    since = datetime(2026, 11, 26, 12, tzinfo=UTC)
    keys = {UUID(int=1): key, UUID(int=2): other}
    document = dids.did_document(did, keys.values(), keys, revoked={encode_multikey(key): since})
    told = [method.get("revoked") for method in document["verificationMethod"]]
    assert told == ["2026-11-26T12:00:00Z", None, "2026-11-26T12:00:00Z", None]
    *named, own = document["@context"]
    quads = rdfc({**document, "@context": [*named, "urn:own"]}, {**pinned(), "urn:own": {"@context": own}})
    assert quads.count("<https://w3id.org/security#revoked>") == 2
    ends = {found.ends for found in signing_keys(document, did).values()}
    assert ends == {since, None}


def test_a_did_key_document_has_its_one_key_in_one_form():
    key = a_key().public_key()
    assert dids.did_document(did_key(key), [key], as_jwk={UUID(int=1): key}) == dids.did_document(did_key(key), [key])


def test_a_did_web_of_this_machine_is_a_name_that_nobody_resolves():
    for base in ("http://127.0.0.1:8002", "http://localhost:8002", "http://[::1]:8002"):
        did = dids.did_here(base, "uni")
        assert did == "did:web:localhost%3A8002:institutions:uni"
        with pytest.raises(InvalidKey) as refused:
            dids.web_url(did)
        assert refused.value.code == "did_refused"
        assert dids.jwk_url(did, "k") == "http://localhost:8002/institutions/uni/keys/k"
        assert not dids.is_place_of("http://localhost:8002/institutions/uni/keys/k", did)
    for base in ("http://badges.example:80", "https://localhost:8002", "http://localhost", "http://10.0.0.1:8002"):
        with pytest.raises(InvalidKey):
            dids.did_here(base, "uni")
    for other in (
        "did:web:localhost%3A8002",
        "did:web:localhost%3A8002:institutions:uni:x",
        "did:web:localhost%3A8002:a:b",
    ):
        with pytest.raises(InvalidKey):
            dids.jwk_url(other, "k")
