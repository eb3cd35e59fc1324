"""A controller's document says which of its keys may sign credentials; nothing else in it counts as one."""

import pytest

from shared.credentials.check import Needs, check_document, check_token
from shared.credentials.controllers import address_of, signing_keys
from shared.credentials.dids import did_document, host_of, web_url
from shared.credentials.errors import InvalidKey
from shared.credentials.jwk import to_jwk
from shared.credentials.jwt import write_vc
from shared.credentials.keys import encode_multikey, method_id
from shared.credentials.multibase import encode_base58
from shared.credentials.proofs import sign
from tests.support.badges import NOW, SIGNED_AT, a_badge, a_key, an_ec_key

DID = "did:web:uni.example"
ADDRESS = "https://uni.example/.well-known/did.json"
KEY = a_key()
METHOD = method_id(DID, KEY.public_key())
BEFORE, SINCE_THEN, LATER = "2026-11-22T09:59:59Z", "2026-11-22T11:00:00Z", "2030-01-01T00:00:00Z"


def a_method(**members):
    public = encode_multikey(KEY.public_key())
    return {"id": METHOD, "type": "Multikey", "controller": DID, "publicKeyMultibase": public, **members}


def a_document(*methods, **members):
    methods = methods or (a_method(),)
    ids = [each["id"] for each in methods]
    return {"id": DID, "verificationMethod": list(methods), "assertionMethod": ids, **members}


def signed_by(did, method, key=KEY):
    badge = a_badge(key, status=[])
    badge["issuer"]["id"] = badge["credentialSubject"]["achievement"]["creator"]["id"] = did
    return sign(badge, key, method, SIGNED_AT)


def proof(document, fetched):
    found = check_document(document, now=NOW, fetched=fetched)
    assert not isinstance(found, Needs)
    return next((check.outcome, check.code) for check in found.checks if check.name == "proof")


def test_a_document_is_asked_for_once_and_then_decides():
    badge = signed_by(DID, METHOD)
    assert check_document(badge, now=NOW, fetched={}) == Needs(urls=(ADDRESS,))
    assert proof(badge, {ADDRESS: a_document()}) == ("pass", None)
    assert proof(badge, {ADDRESS: None}) == ("unknown", "key_unresolvable")
    token = write_vc({each: badge[each] for each in badge if each != "proof"}, KEY, METHOD, SIGNED_AT)
    assert check_token(token, now=NOW, fetched={}) == Needs(urls=(ADDRESS,))
    found = check_token(token, now=NOW, fetched={ADDRESS: a_document()})
    assert not isinstance(found, Needs)
    assert found.signed_by_issuer


def test_what_is_not_in_its_form_or_needs_no_document_asks_for_none():
    for document in (signed_by(DID, METHOD) | {"type": "x"}, {"issuer": DID}, signed_by("did:example:1", METHOD)):
        assert not isinstance(check_document(document, now=NOW, fetched={}), Needs)


@pytest.mark.parametrize(
    "method",
    [
        a_method(),
        a_method(id="#1"),
        a_method(type="Ed25519VerificationKey2020"),
        {"id": METHOD, "type": "JsonWebKey", "controller": DID, "publicKeyJwk": to_jwk(KEY.public_key())},
        {"id": METHOD, "type": "JsonWebKey2020", "publicKeyJwk": {**to_jwk(KEY.public_key()), "kid": "x"}},
        {
            "id": METHOD,
            "type": "Ed25519VerificationKey2018",
            "publicKeyBase58": encode_base58(KEY.public_key().public_bytes_raw())[1:],
        },
    ],
)
def test_every_form_of_a_key_is_read(method):
    badge = signed_by(DID, DID + method["id"] if method["id"][0] == "#" else method["id"])
    assert proof(badge, {ADDRESS: a_document(method)}) == ("pass", None)
    embedded = a_document(verificationMethod=[], assertionMethod=[method])
    assert proof(badge, {ADDRESS: embedded}) == ("pass", None)


@pytest.mark.parametrize(
    ("document", "finding"),
    [
        (a_document(assertionMethod=[]), ("fail", "unknown_key")),
        (a_document(assertionMethod=[], authentication=[METHOD]), ("fail", "unknown_key")),
        (a_document(a_method(controller="did:web:other.example")), ("fail", "unknown_key")),
        (a_document(a_method(id="did:web:other.example#1")), ("fail", "unknown_key")),
        (a_document(a_method(type="X25519KeyAgreementKey2020")), ("fail", "unknown_key")),
        (a_document(a_method(publicKeyMultibase=7)), ("fail", "unknown_key")),
        (
            a_document(a_method(publicKeyMultibase=encode_multikey(an_ec_key().public_key()))),
            ("fail", "invalid_signature"),
        ),
        (a_document(a_method(revoked=BEFORE)), ("fail", "key_retired")),
        (a_document(a_method(expires=BEFORE, revoked=LATER)), ("fail", "key_retired")),
        (a_document(a_method(expires=LATER)), ("pass", None)),
        # Signed before the end, by whoever says so: once it has come, an earlier date is anybody's to write.
        (a_document(a_method(revoked=SINCE_THEN)), ("fail", "key_retired")),
        (a_document(a_method(expires=SINCE_THEN)), ("fail", "key_retired")),
        (a_document(id="did:web:other.example"), ("unknown", "did_mismatch")),
        ([], ("unknown", "did_mismatch")),
        ("<html>", ("unknown", "did_mismatch")),
        ({}, ("unknown", "did_mismatch")),
        ({"id": DID}, ("fail", "unknown_key")),
        ({"id": DID, "verificationMethod": 7, "assertionMethod": [7, None, "x", [], {}]}, ("fail", "unknown_key")),
        ({"id": DID, "verificationMethod": [{"id": []}], "assertionMethod": {"id": 7}}, ("fail", "unknown_key")),
    ],
)
def test_a_key_counts_only_as_its_controllers_document_says(document, finding):
    assert proof(signed_by(DID, METHOD), {ADDRESS: document}) == finding


def test_what_we_publish_of_an_institution_is_read_back():
    did = "did:web:badges.example:institutions:oak"
    keys = [KEY.public_key(), an_ec_key().public_key()]
    found = signing_keys(did_document(did, keys), did)
    assert [each.key for each in found.values()] == keys


@pytest.mark.parametrize(
    ("controller", "address"),
    [
        ("did:web:uni.example", ADDRESS),
        ("did:web:UNI.example:a:b%3Ac", "https://uni.example/a/b%3Ac/did.json"),
        ("https://uni.example/issuer", "https://uni.example/issuer"),
        ("did:key:z6Mk", None),
        ("http://uni.example", None),
        ("file:///etc/passwd", None),
        ("urn:uuid:1", None),
    ],
)
def test_an_address_follows_from_the_controllers_name(controller, address):
    assert address_of(controller) == address


@pytest.mark.parametrize(
    "rest",
    [
        "", "localhost", "uni", "127.0.0.1", "10.0.0.1", "%5B::1%5D", "uni.example%3A8443", "a@uni.example",
        "uni.example:..", "uni.example:a:..:b", "uni.example:a%2Fb", "uni.example:%00", "uni.example::",
        "u\u00fcni.example", "uni.example%2Fx", "-a.example", "uni.example#x", "uni.example?x", "uni.example:%2e%2e",
        "1.2.3", ".example", "uni..example", "printer.internal", "box.local",
    ],
)  # fmt: skip
def test_a_did_web_that_could_lead_elsewhere_is_refused(rest):
    with pytest.raises(InvalidKey) as refusal:
        web_url(f"did:web:{rest}")
    assert refusal.value.code == "did_refused"


@pytest.mark.parametrize(
    ("identifier", "host"),
    [
        ("https://uni.example/issuer", "uni.example"),
        ("https://сollege.example/1", "xn--ollege-hrf.example"),
        ("https://große-uni.example/1", None),  # asked for as xn--groe-uni-sya.example, and read as grosse-uni.example
        ("https://ⓤni.example/1", None),
        ("did:key:z6Mk", None),
    ],
)
def test_a_host_is_told_as_it_is_asked_for_or_not_at_all(identifier, host):
    assert host_of(identifier) == host
