"""A key that a token names by its address is the issuer's only where nobody else could have put it there."""

import pytest

from shared.credentials.check import Needs, check_document, check_token
from shared.credentials.dids import did_document, is_place_of, jwk_url
from shared.credentials.jwk import to_jwk
from shared.credentials.jwt import write_ob3
from shared.credentials.keys import did_key, encode_multikey, method_id
from shared.credentials.known_keys import KnownKey
from shared.credentials.proofs import sign
from tests.support.badges import NOW, SIGNED_AT, a_badge, a_key, an_ec_key

KEY, OTHER = an_ec_key(), an_ec_key(2)
JWK, OTHERS = to_jwk(KEY.public_key()), to_jwk(OTHER.public_key())
UUID = "0d6c2b8e-1111-4222-8333-444455556666"
OAK = "did:web:badges.example:institutions:oak"
OAKS_DOCUMENT = "https://badges.example/institutions/oak/did.json"
KID = jwk_url(OAK, UUID)
UNI, UNIS_DOCUMENT = "did:web:uni.example", "https://uni.example/.well-known/did.json"
PROFILE = "https://uni.example/issuers/42"
SOUND, NOBODYS = ("pass", "pass", None), ("skipped", "unknown", "key_not_bound")
NOT_HAD, TAMPERED = ("skipped", "unknown", "key_unresolvable"), ("skipped", "fail", "tampered")


def an_unsigned_badge(issuer):
    badge = a_badge(status=[])
    badge["issuer"]["id"] = badge["credentialSubject"]["achievement"]["creator"]["id"] = issuer
    badge["credentialSubject"]["id"] = "did:example:ada"
    return badge


def a_token(issuer=OAK, kid=KID, key=KEY):
    return write_ob3(an_unsigned_badge(issuer), key, kid, SIGNED_AT)


def said(found):
    assert not isinstance(found, Needs), found
    checks = {check.name: check for check in found.checks}
    return checks["issuer"].outcome, checks["proof"].outcome, checks["proof"].code


def a_document(issuer, *methods, **members):
    return {"id": issuer, "verificationMethod": list(methods), "assertionMethod": [m["id"] for m in methods], **members}


def a_method(issuer, key=KEY, **members):
    multikey = encode_multikey(key.public_key())
    return {"id": f"{issuer}#1", "type": "Multikey", "publicKeyMultibase": multikey, **members}


BARE = a_document(OAK)
LISTED = did_document(OAK, [KEY.public_key()])


def test_the_issuers_document_is_asked_for_first_then_the_key_and_nothing_again():
    text = a_token()
    assert check_token(text, now=NOW, fetched={}) == Needs(urls=(OAKS_DOCUMENT,))
    assert check_token(text, now=NOW, fetched={OAKS_DOCUMENT: LISTED}) == Needs(urls=(KID,))
    found = check_token(text, now=NOW, fetched={OAKS_DOCUMENT: LISTED, KID: JWK})
    assert said(found) == SOUND
    assert found.facts.verification_methods == (method_id(OAK, KEY.public_key()),)
    assert check_token(a_token(did_key(OTHER.public_key())), now=NOW, fetched={}) == Needs(urls=(KID,))


@pytest.mark.parametrize(
    ("document", "jwk", "finding"),
    [
        pytest.param(LISTED, JWK, SOUND, id="as another Laurel publishes it"),
        pytest.param(did_document(OAK, [], {UUID: KEY.public_key()}), JWK, SOUND, id="listed as a JWK"),
        pytest.param(BARE, JWK, SOUND, id="below the issuer's path"),
        pytest.param(BARE, {"keys": [JWK]}, SOUND, id="a set of one"),
        pytest.param(BARE, {**JWK, "alg": "ES256", "use": "sig"}, SOUND, id="with more members"),
        pytest.param(BARE, {"keys": [JWK, OTHERS]}, NOT_HAD, id="a set of two"),
        pytest.param(BARE, {"keys": []}, NOT_HAD, id="an empty set"),
        pytest.param(BARE, {**JWK, "d": "AA"}, NOT_HAD, id="a private key"),
        pytest.param(BARE, {**JWK, "x": JWK["x"] + "="}, NOT_HAD, id="in a second form"),
        pytest.param(BARE, {"kty": "OKP", "crv": "X25519"}, ("skipped", "unknown", "unsupported_key"), id="no signing"),
        pytest.param(BARE, None, NOT_HAD, id="not to be had"),
        pytest.param(BARE, "a.b.c", NOT_HAD, id="no key"),
        pytest.param(BARE, OTHERS, ("pass", "fail", "tampered"), id="another key"),
        pytest.param(None, JWK, NOT_HAD, id="a did:web without its document"),
        pytest.param(a_document("did:web:other.example"), JWK, ("skipped", "unknown", "did_mismatch"), id="another's"),
        pytest.param(
            a_document(OAK, a_method(OAK, revoked="2026-01-01T00:00:00Z")),
            JWK,
            ("pass", "fail", "key_retired"),
            id="listed as ended",
        ),
        pytest.param(a_document(OAK, a_method(OAK), assertionMethod=[]), JWK, NOBODYS, id="not for signing"),
    ],
)
def test_an_institutions_key_at_its_address(document, jwk, finding):
    assert said(check_token(a_token(), now=NOW, fetched={OAKS_DOCUMENT: document, KID: jwk})) == finding


@pytest.mark.parametrize(
    ("issuer", "kid", "finding"),
    [
        (UNI, "https://uni.example/keys/1", SOUND),
        (UNI, "https://eve.example/keys/1", NOBODYS),
        (OAK, "https://badges.example/institutions/eve/keys/1", NOBODYS),
        (OAK, "https://badges.example/institutions/oak/../eve/keys/1", NOBODYS),
        (PROFILE, "https://uni.example/issuers/42/keys/1", SOUND),
        (PROFILE, "https://uni.example/issuers/43/keys/1", NOBODYS),
        (PROFILE, "https://uni.example/keys/1", NOBODYS),
        ("https://uni.example", "https://uni.example/keys/1", SOUND),
        (did_key(KEY.public_key()), KID, SOUND),
        (did_key(OTHER.public_key()), KID, NOBODYS),
        ("did:example:1", KID, NOBODYS),
    ],
)
def test_an_address_binds_a_key_to_who_alone_can_publish_there(issuer, kid, finding):
    documents = {OAKS_DOCUMENT: BARE, UNIS_DOCUMENT: a_document(UNI), PROFILE: None, "https://uni.example": None}
    assert said(check_token(a_token(issuer, kid), now=NOW, fetched={**documents, kid: JWK})) == finding
    wrong = said(check_token(a_token(issuer, kid, OTHER), now=NOW, fetched={**documents, kid: JWK}))
    assert wrong == (TAMPERED if finding == NOBODYS else ("pass", "fail", "tampered"))


def test_a_profile_that_lists_the_key_binds_it_wherever_it_stands():
    kid = "https://keys.example/1"
    for method, finding in ((a_method(PROFILE), SOUND), (a_method(PROFILE, OTHER), NOBODYS)):
        fetched = {PROFILE: a_document(PROFILE, method), kid: JWK}
        assert said(check_token(a_token(PROFILE, kid), now=NOW, fetched=fetched)) == finding


def test_a_fragment_says_which_key_of_a_set_is_meant():
    kid, address = f"{PROFILE}/keys#1", f"{PROFILE}/keys"
    assert check_token(a_token(PROFILE, kid), now=NOW, fetched={PROFILE: None}) == Needs(urls=(address,))
    for names, finding in ((("1", "2"), SOUND), (("2", "1"), ("pass", "fail", "tampered")), (("1", "1"), NOT_HAD)):
        keys = [{**jwk, "kid": name} for jwk, name in zip((JWK, OTHERS), names, strict=True)]
        fetched = {PROFILE: None, address: {"keys": keys}}
        assert said(check_token(a_token(PROFILE, kid), now=NOW, fetched=fetched)) == finding


def test_only_https_is_asked_and_without_look_ups_a_key_is_not_known():
    plain = "http://uni.example/keys/1"
    assert said(check_token(a_token(UNI, plain), now=NOW, fetched={UNIS_DOCUMENT: a_document(UNI)})) == NOT_HAD
    assert said(check_token(a_token(), now=NOW)) == NOT_HAD
    assert said(check_token(a_token(PROFILE, f"{PROFILE}/1"), now=NOW)) == NOT_HAD


def test_for_an_institution_of_ours_every_key_is_known_and_no_address_is_asked():
    known = KnownKey(
        verification_method=method_id(OAK, OTHER.public_key()),
        public_key_multibase=encode_multikey(OTHER.public_key()),
    )
    found = check_token(a_token(), now=NOW, known_keys=(known,), fetched={OAKS_DOCUMENT: LISTED, KID: JWK})
    assert said(found) == ("fail", "unknown", "key_unresolvable")


@pytest.mark.parametrize(
    ("url", "controller", "own"),
    [
        ("https://uni.example/a", "https://uni.example/", True),
        ("https://uni.example/a", "did:web:UNI.example", True),
        ("https://uni.example/a/b/c", "https://uni.example/a/b", True),
        ("https://uni.example/a/b", "https://uni.example/a/b", False),
        ("https://uni.example/a/bc", "https://uni.example/a/b", False),
        ("https://uni.example/a/b/../c", "https://uni.example/a/b", False),
        ("https://uni.example/a/b/%2e%2e/c", "https://uni.example/a/b", False),
        ("https://uni.example/a/b//c", "https://uni.example/a/b", False),
        ("https://uni.example/a/b/c?next=1", "https://uni.example/a/b", False),
        ("https://uni.example/a/b/c\\d", "https://uni.example/a/b", False),
        ("https://uni.example/a/b/c\n", "https://uni.example/a/b", False),
        ("https://uni.example/a/../c/d", "https://uni.example/a/..", False),
        ("https://uni.example?a/c", "https://uni.example?a", False),
        ("https://uni.example@eve.example/c", "https://uni.example@eve.example", False),
        ("https://uni.example.eve.example/c", "https://uni.example", False),
        ("https://uni.example:8443/c", "https://uni.example", False),
        ("http://uni.example/c", "https://uni.example", False),
        ("http://uni.example/c", "http://uni.example", False),
        ("https://127.0.0.1/c", "did:web:127.0.0.1", False),
        ("https://uni.example/c", "did:example:1", False),
        ("https:///c", "https://", False),
        ("/c", "", False),
    ],
)
def test_whose_place_an_address_is(url, controller, own):
    assert is_place_of(url, controller) is own


# --- a key that is named by itself alone ------------------------------------------------------------------------------

ED = a_key()
ITSELF = method_id(PROFILE, ED.public_key())
BY_NAME = [
    ({PROFILE: None}, "key_not_bound"),
    ({PROFILE: {"id": PROFILE, "type": "Profile", "name": "Uni"}}, "key_not_bound"),
    ({PROFILE: a_document(PROFILE)}, "key_not_bound"),
    ({PROFILE: {"id": "https://other.example"}}, "did_mismatch"),
    ({PROFILE: a_document(PROFILE, a_method(PROFILE))}, "unknown_key"),
    ({PROFILE: {"id": PROFILE, "authentication": [a_method(PROFILE, ED)]}}, "unknown_key"),
    ({PROFILE: a_document(PROFILE, a_method(PROFILE, ED, id=ITSELF))}, None),
]


@pytest.mark.parametrize(("fetched", "code"), BY_NAME)
def test_a_key_in_the_fragment_alone_is_nobodys_and_one_that_does_not_fit_is_wrong(fetched, code):
    signed = sign(an_unsigned_badge(PROFILE), ED, ITSELF, SIGNED_AT)
    finding = {"key_not_bound": "unknown", "did_mismatch": "unknown", "unknown_key": "fail", None: "pass"}[code]
    assert said(check_document(signed, now=NOW, fetched=fetched))[1:] == (finding, code)
    found = check_document(signed, now=NOW, fetched=fetched)
    assert found.signed_by_issuer is (code is None)
    if code in ("key_not_bound", None):
        assert said(check_document(signed | {"name": "x"}, now=NOW, fetched=fetched))[1:] == ("fail", "tampered")


@pytest.mark.parametrize("kid", [method_id(PROFILE, KEY.public_key()), f"#{encode_multikey(KEY.public_key())}"])
def test_in_a_token_too(kid):
    for key, finding in ((KEY, NOBODYS), (OTHER, TAMPERED)):
        assert said(check_token(a_token(PROFILE, kid, key), now=NOW, fetched={PROFILE: None})) == finding


def test_a_fragment_that_is_no_key_and_a_key_in_anothers_name_stay_what_they_were():
    for method, fetched, finding in (
        (f"{PROFILE}#1", {PROFILE: None}, ("pass", "unknown", "key_unresolvable")),
        (f"{PROFILE}#1", {PROFILE: a_document(PROFILE)}, ("pass", "fail", "unknown_key")),
        (method_id("https://eve.example", ED.public_key()), {PROFILE: None}, ("fail", "unknown", "key_not_bound")),
        (method_id(UNI, ED.public_key()), {PROFILE: None}, ("fail", "unknown", "key_unresolvable")),
    ):
        signed = sign(an_unsigned_badge(PROFILE), ED, method, SIGNED_AT)
        assert said(check_document(signed, now=NOW, fetched=fetched)) == finding
