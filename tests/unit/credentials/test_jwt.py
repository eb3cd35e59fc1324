"""Tokens are read in each profile by its own rules, and nothing that they say of their keys is believed."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials import base64url, jwt
from shared.credentials.errors import CredentialError, InvalidKey
from shared.credentials.jwk import from_jwk, to_jwk
from shared.credentials.keys import algorithm_of, did_key, method_id, sign_message
from tests.support.badges import SIGNED_AT, a_badge, a_key, an_ec_key
from tests.support.examples import examples

KEY_URL = "https://badges.example/institutions/oak/keys/1"
RSA = rsa.generate_private_key(65537, 2048)
P256, P384, ED = an_ec_key(), an_ec_key(curve="P-384"), a_key()


def a_whole_badge(**members):
    badge = a_badge(**members)
    badge["credentialSubject"]["id"] = "did:example:ada"
    return badge


def encoded(header, payload, key=None, signature=b""):
    text = ".".join(base64url.encode(json.dumps(part).encode()) for part in (header, payload))
    return f"{text}.{base64url.encode(sign_message(key, text.encode()) if key else signature)}"


def found(text, key):
    token = jwt.read(text)
    finding = jwt.verify(token, token.document.get("issuer", {}).get("id"), lambda *_: key.public_key())
    return finding.outcome, finding.code


def refused(text):
    with pytest.raises(CredentialError) as refusal:
        jwt.read(text)
    return refusal.value.code


# --- what is made here -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [RSA, P256], ids=["RS256", "ES256"])
def test_an_open_badges_token_is_the_badge_with_claims_that_say_the_same(key):
    badge = a_whole_badge()
    text = jwt.write_ob3(badge, key, KEY_URL, SIGNED_AT)
    token = jwt.read(text)
    assert token.header == {"alg": algorithm_of(key), "kid": KEY_URL, "typ": "JWT"}
    assert token.claims == {
        "iss": badge["issuer"]["id"],
        "jti": badge["id"],
        "sub": "did:example:ada",
        "nbf": int(SIGNED_AT.timestamp()),
        "exp": int(datetime(2028, 1, 1, tzinfo=UTC).timestamp()),
        "iat": int(SIGNED_AT.timestamp()),
    }
    assert (token.profile, token.document) == ("ob3-jwt", badge)
    assert found(text, key) == ("pass", "signed")


@pytest.mark.parametrize("key", [ED, P256, P384], ids=["EdDSA", "ES256", "ES384"])
def test_a_vc_jwt_is_the_credential_without_claims_that_repeat_it(key):
    badge, method = a_badge(), method_id(did_key(key.public_key()), key.public_key())
    text = jwt.write_vc(badge, key, method, SIGNED_AT)
    token = jwt.read(text)
    assert token.header == {"alg": algorithm_of(key), "kid": method, "typ": "vc+jwt", "cty": "vc"}
    assert (token.profile, token.document, token.claims.keys()) == ("vc+jwt", badge, {"iat"})
    assert found(text, key) == ("pass", "signed")


def test_each_profile_takes_its_own_kinds_of_keys_alone_and_a_subject_that_can_be_named():
    for key in (ED, P384):
        with pytest.raises(InvalidKey):
            jwt.write_ob3(a_whole_badge(), key, KEY_URL, SIGNED_AT)
    with pytest.raises(InvalidKey):
        jwt.write_vc(a_badge(), RSA, KEY_URL, SIGNED_AT)
    with pytest.raises(CredentialError, match="recipient"):
        jwt.write_ob3(a_badge(), P256, KEY_URL, SIGNED_AT)


# --- what is tried (BAD-INPUTS 1 to 6) -------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "HS256", "hs512", "", None, 7])
def test_a_token_that_no_private_key_signed_is_refused(algorithm):
    header = {"alg": algorithm, "kid": KEY_URL}
    if algorithm == "":
        assert found(encoded(header, a_badge()), P256) == ("fail", "invalid_signature")
    else:
        assert refused(encoded(header, a_badge())) == "invalid_signature"


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused():
    public = P256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert refused(encoded({"alg": "HS256", "kid": KEY_URL}, a_badge(), signature=public[:32])) == "invalid_signature"


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "EdDSA", "RS256", "PS256", "ES256K"])
@pytest.mark.parametrize("key", [P256, P384, ED, RSA], ids=["P-256", "P-384", "Ed25519", "RSA"])
def test_a_token_names_the_one_way_in_which_its_key_signs(algorithm, key):
    fits = algorithm == algorithm_of(key)
    text = encoded({"alg": algorithm, "kid": KEY_URL}, a_badge(), key)
    assert found(text, key) == (("pass", "signed") if fits else ("fail", "invalid_signature"))


@pytest.mark.parametrize("key", [P256, P384, ED, RSA], ids=["P-256", "P-384", "Ed25519", "RSA"])
def test_a_signature_of_nothing_of_zeros_or_of_another_length_is_none(key):
    header, length = {"alg": algorithm_of(key), "kid": KEY_URL}, len(sign_message(key, b""))
    for signature in (b"", bytes(length), b"\xff" * length, bytes(length + 1), b"\x01"):
        assert found(encoded(header, a_badge(), signature=signature), key)[0] == "fail"


def test_a_key_in_the_token_itself_is_bound_to_nobody_and_a_link_to_one_is_not_followed():
    jwk = to_jwk(P256.public_key())
    assert found(encoded({"alg": "ES256", "jwk": jwk}, a_badge(), P256), ED) == ("unknown", "key_not_bound")
    assert found(encoded({"alg": "ES256", "jwk": jwk}, a_badge(), an_ec_key(2)), ED) == ("fail", "tampered")
    for name in ("jku", "x5u", "x5c"):
        assert found(encoded({"alg": "ES256", name: "https://evil.example"}, a_badge(), P256), P256) == (
            "fail",
            "unknown_key",
        )
    # Beside a kid it is passed over: the kid's key decides.
    assert found(encoded({"alg": "ES256", "kid": KEY_URL, "jwk": jwk}, a_badge(), P256), an_ec_key(2)) == (
        "fail",
        "tampered",
    )


@pytest.mark.parametrize("kid", ["", 7, None, "x" * 10_000, ["a"]])
def test_a_kid_that_names_nothing_is_an_unknown_key(kid):
    assert found(encoded({"alg": "ES256", "kid": kid}, a_badge(), P256), P256) == ("fail", "unknown_key")


def test_a_kid_reaches_the_resolver_as_it_is_and_a_fragment_as_the_issuers():
    asked = []

    def refuse(method, created):
        asked.append(method)
        raise InvalidKey("unknown", "unknown_key")

    for kid in ("../../etc/passwd", "' or 1=1 --", "did:web:other.example#1", "#1"):
        token = jwt.read(encoded({"alg": "ES256", "kid": kid}, a_badge(), P256))
        assert jwt.verify(token, "did:web:oak.example", refuse).code == "unknown_key"
    assert asked == ["../../etc/passwd", "' or 1=1 --", "did:web:other.example#1", "did:web:oak.example#1"]


@pytest.mark.parametrize(
    "more", [{"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"b64": True}, {"zip": "DEF"}, {"enc": "A128GCM"}]
)
def test_what_would_change_the_reading_of_a_token_is_refused(more):
    assert refused(encoded({"alg": "ES256", "kid": KEY_URL, **more}, a_badge(), P256)) == "invalid_signature"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed"),
        ("a.b", "malformed"),
        ("a.b.c", "malformed"),
        ("a.b.c.d.e", "unsupported_format"),
        ("....", "unsupported_format"),
        ("e30.e30.", "invalid_signature"),
        ("e30=.e30.AA", "malformed"),
        ("e31.e30.AA", "malformed"),
        ("W10.e30.AA", "malformed"),
        ("é30.e30.AA", "malformed"),
        ("eyJhbGciOiJFUzI1NiJ9.e30.A A", "malformed"),
        ("e" * 2_000_000, "too_large"),
    ],
)
def test_what_is_no_signed_token_is_refused(text, code):
    assert refused(text) == code


def test_a_second_spelling_of_the_same_bytes_is_refused():
    text = encoded({"alg": "ES256", "kid": KEY_URL}, a_badge(), P256)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = text[:-1] + last[(last.index(text[-1]) // 16 * 16 + (last.index(text[-1]) + 1) % 16)]
    assert refused(other) == "malformed"


# --- profiles --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "did:web:other.example"),
        ("jti", "urn:uuid:other"),
        ("sub", "did:example:eve"),
        ("nbf", 0),
        ("exp", 4_000_000_000),
        ("iss", ["x"]),
    ],
)
def test_a_claim_that_contradicts_the_badge_is_refused(claim, value):
    badge = a_whole_badge()
    payload = {**badge, "iss": badge["issuer"]["id"], "sub": "did:example:ada", claim: value}
    assert refused(encoded({"alg": "ES256", "kid": KEY_URL, "typ": "JWT"}, payload, P256)) == "claims_mismatch"


@pytest.mark.parametrize("more", [{"vc": {}}, {"vp": {}}])
def test_a_vc_jwt_holds_no_credential_within_the_credential(more):
    header = {"alg": "ES256", "kid": KEY_URL, "typ": "vc+jwt"}
    assert refused(encoded(header, {**a_badge(), **more}, P256)) == "malformed"
    assert refused(encoded({**header, "cty": "vp"}, a_badge(), P256)) == "malformed"


@pytest.mark.parametrize("kind", ["vp+jwt", "dpop+jwt", "secevent+jwt", "vc+sd-jwt"])
def test_tokens_made_for_something_else_are_not_taken_for_credentials(kind):
    assert refused(encoded({"alg": "ES256", "kid": KEY_URL, "typ": kind}, a_badge(), P256)) == "unsupported_format"


def test_a_vc_claim_is_completed_by_the_claims_that_replace_its_members():
    inside = {"@context": ["https://www.w3.org/2018/credentials/v1"], "type": ["VerifiableCredential"]}
    inside["credentialSubject"] = {"name": "Ada"}
    claims = {"iss": "did:web:oak.example", "jti": "urn:uuid:1", "sub": "did:example:ada", "nbf": 1_700_000_000}
    claims |= {"exp": 1_800_000_000}
    token = jwt.read(encoded({"alg": "ES256", "kid": KEY_URL}, {"vc": inside, **claims}, P256))
    assert token.profile == "vc-claim"
    assert token.document == {
        **inside,
        "id": "urn:uuid:1",
        "issuer": "did:web:oak.example",
        "issuanceDate": "2023-11-14T22:13:20Z",
        "expirationDate": "2027-01-15T08:00:00Z",
        "credentialSubject": {"id": "did:example:ada", "name": "Ada"},
    }
    other = {"vc": {**inside, "issuer": "did:web:elm.example"}, **claims}
    assert refused(encoded({"alg": "ES256", "kid": KEY_URL}, other, P256)) == "claims_mismatch"
    assert refused(encoded({"alg": "ES256", "kid": KEY_URL}, {"vc": "x"}, P256)) == "malformed"


@pytest.mark.parametrize("moment", [-1, 1e300, 2**53 - 1, True, "1700000000", None, [1]])
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_a_time_that_is_none_is_refused_and_not_passed_over(claim, moment):
    for header in ({"typ": "vc+jwt"}, {"typ": "JWT"}):
        text = encoded({"alg": "ES256", "kid": KEY_URL, **header}, {**a_badge(), claim: moment}, P256)
        assert refused(text) == "malformed"


# --- whatever is sent ------------------------------------------------------------------------------------------------

SIGNED = jwt.write_vc(a_badge(), P256, method_id(did_key(P256.public_key()), P256.public_key()), SIGNED_AT)


@examples(100)
@given(st.integers(0, len(SIGNED) - 1), st.characters(codec="ascii"))
def test_no_single_change_of_a_token_leaves_it_valid(place, character):
    changed = SIGNED[:place] + character + SIGNED[place + 1 :]
    if changed == SIGNED:
        return
    try:
        outcome = found(changed, P256)
    except CredentialError:
        return
    assert outcome[0] != "pass"


@examples(100)
@given(st.text(max_size=400) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}", fullmatch=True))
def test_any_text_is_read_or_refused(text):
    with suppress(CredentialError):  # any other exception is one of ours
        assert jwt.read(text).document is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)
NAMES = st.sampled_from(["alg", "kid", "typ", "cty", "jwk", "vc", "iss", "sub", "jti", "nbf", "exp", "iat", "id"])


@examples(100)
@given(st.dictionaries(NAMES, JSON), st.dictionaries(NAMES, JSON))
def test_any_header_and_any_payload_is_decided_without_an_error_of_ours(header, payload):
    try:
        token = jwt.read(encoded({"alg": "ES256", **header}, payload, P256))
        finding = jwt.verify(token, "did:web:oak.example", lambda *_: P256.public_key())
    except CredentialError:
        return
    assert finding.outcome in ("pass", "fail", "unknown")


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [P256, P384, ED, RSA], ids=["P-256", "P-384", "Ed25519", "RSA"])
def test_a_public_key_comes_back_from_its_jwk(key):
    jwk = to_jwk(key.public_key())
    assert from_jwk(jwk) == key.public_key()
    assert from_jwk({**jwk, "kid": "x", "alg": "whatever", "use": "sig"}) == key.public_key()


@pytest.mark.parametrize(
    ("jwk", "code"),
    [
        ({}, "unsupported_key"),
        ({"kty": "oct", "k": "AA"}, "invalid_key"),
        ({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, "unsupported_key"),
        ({"kty": "EC", "crv": ["P-256"]}, "unsupported_key"),
        ({"kty": "OKP", "crv": "X25519", "x": "AA"}, "unsupported_key"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AA"}, "invalid_key"),
        ({**to_jwk(P256.public_key()), "d": "AA"}, "invalid_key"),
        ({**to_jwk(P256.public_key()), "y": to_jwk(P256.public_key())["x"]}, "invalid_key"),
        ({**to_jwk(P256.public_key()), "x": "AA"}, "invalid_key"),
        ({**to_jwk(P256.public_key()), "x": to_jwk(P256.public_key())["x"] + "="}, "invalid_key"),
        ({**to_jwk(RSA.public_key()), "e": "AQ"}, "invalid_key"),
        ({**to_jwk(RSA.public_key()), "n": "AQAB"}, "invalid_key"),
        ({**to_jwk(RSA.public_key()), "n": "AAAA" + to_jwk(RSA.public_key())["n"]}, "invalid_key"),
        ({"kty": "RSA", "n": 7, "e": "AQAB"}, "invalid_key"),
    ],
)
def test_what_is_no_public_key_of_a_kind_that_signs_is_refused(jwk, code):
    with pytest.raises(InvalidKey) as refusal:
        from_jwk(jwk)
    assert refusal.value.code == code
