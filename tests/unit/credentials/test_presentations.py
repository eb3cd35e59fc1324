"""A presentation shows who presents, by which key and for which occasion; its credentials are handed on."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from shared.credentials.check import Needs, check_document, check_token
from shared.credentials.contexts import CREDENTIALS_V1, CREDENTIALS_V2, DATA_INTEGRITY_V2, Terms
from shared.credentials.jwk import to_jwk
from shared.credentials.jwt import write_vc
from shared.credentials.keys import did_key, encode_multikey
from shared.credentials.presentations import (
    MAX_CREDENTIALS,
    Asking,
    Occasion,
    check_presentation,
    is_presentation,
    opened_credential,
)
from shared.credentials.proofs import AUTHENTICATION, prove
from shared.credentials.suites import ECDSA_RDFC, ED25519_2020, EDDSA_JCS
from tests.support.badges import NOW, SIGNED_AT, a_badge, a_key, a_method, a_signed_badge, an_ec_key, at, paths
from tests.support.presentations import SAYS, WALLET, a_presentation, enveloped, signed
from tests.unit.credentials.test_jwt import encoded

P256 = an_ec_key()
WEB_WALLET, WALLETS_PLACE = "did:web:wallet.example:ada", "https://wallet.example/ada"
OCCASION = Occasion("a challenge", "verifier.example")
OWN = {
    "@context": [CREDENTIALS_V2, {"Mine": "https://example.org/#Mine"}],
    "type": ["VerifiablePresentation", "Mine"],
}


def a_vc_token():
    return write_vc(a_badge(P256), P256, a_method(P256), SIGNED_AT)


def a_vp_token(header=None, **claims):
    payload = {
        **a_presentation(enveloped(a_vc_token()), holder=P256),
        "nonce": "a challenge",
        "aud": ["verifier.example"],
    }
    header = {"alg": "ES256", "kid": a_method(P256), "typ": "vp+jwt", "cty": "vp"} | (header or {})
    return encoded(header, payload | claims, P256)


def an_older_vp_token(**claims):
    did = did_key(P256.public_key())
    vp = {"@context": [CREDENTIALS_V2], "type": ["VerifiablePresentation"], "verifiableCredential": [a_vc_token()]}
    payload = {"iss": did, "vp": vp, "nonce": "a challenge", "aud": "verifier.example"}
    return encoded({"alg": "ES256", "kid": a_method(P256), "typ": "JWT"}, payload | claims, P256)


def _checks(presentation, occasion=OCCASION, now=NOW, **asking):
    found = check_presentation(presentation, Asking(now=now, occasion=occasion, **asking))
    return {check.name: (check.outcome, check.code) for check in found.checks}


def _is_good(presentation, occasion=OCCASION):
    found = check_presentation(presentation, Asking(NOW, occasion, Terms(inline=True)))
    return found.signed and all(map(_is_genuine, found.credentials))


def _is_genuine(credential):
    check = check_token if isinstance(credential, str) else check_document
    return check(credential, now=NOW).signed_by_issuer


GOOD = {
    "rdfc": signed(a_presentation(a_signed_badge())),
    "jcs": signed(a_presentation(a_signed_badge(), a_signed_badge(a_key(2))), suite=EDDSA_JCS),
    "ecdsa": signed(a_presentation(a_signed_badge(), holder=P256), P256, ECDSA_RDFC),
    "no holder": signed({name: value for name, value in a_presentation(a_signed_badge()).items() if name != "holder"}),
    "holder as object": signed(a_presentation() | {"holder": {"id": did_key(WALLET.public_key())}}),
    "nothing in it": signed(a_presentation()),
    "enveloped credential": signed(a_presentation(enveloped(a_vc_token()))),
    "own terms": signed(a_presentation(**OWN)),
    "older data model": signed(a_presentation(**{"@context": [CREDENTIALS_V1, DATA_INTEGRITY_V2]})),
    "token": a_vp_token(),
    "older token": an_older_vp_token(),
    "enveloped token": enveloped(a_vp_token(), "Presentation", "vp+jwt"),
    "enveloped older token": enveloped(an_older_vp_token(), "Presentation", "jwt"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_presentation_of_its_holder_passes_every_check_and_its_credentials_do_too(name):
    found = check_presentation(GOOD[name], Asking(NOW, OCCASION, Terms(inline=True)))
    names = ["structure", "contexts", "holder", "proof", "challenge", "domain"]
    assert [(check.name, check.outcome) for check in found.checks] == [(each, "pass") for each in names]
    assert found.signed
    assert found.holder == did_key((P256 if "token" in name or name == "ecdsa" else WALLET).public_key())
    assert all(map(_is_genuine, found.credentials))
    assert found == type(found).model_validate_json(found.model_dump_json())


@pytest.mark.parametrize(
    ("occasion", "failed"),
    [
        (Occasion("another"), {"challenge"}),
        (Occasion(None, "another.example"), {"domain"}),
        (Occasion("a challeng", "verifier"), {"challenge", "domain"}),
        (Occasion(), set()),
    ],
)
@pytest.mark.parametrize("name", ["rdfc", "jcs", "token", "older token"])
def test_the_occasion_is_compared_with_what_was_expected_and_with_nothing_else(name, occasion, failed):
    found = check_presentation(GOOD[name], Asking(NOW, occasion))
    assert {check.name for check in found.checks if check.outcome != "pass"} == failed
    assert {check.code for check in found.checks} - {None} == {f"{each}_mismatch" for each in failed}


def test_a_proof_without_challenge_answers_none():
    plain = signed(a_presentation(), says={"proofPurpose": AUTHENTICATION})
    assert _checks(plain)["challenge"] == ("fail", "challenge_mismatch")
    assert _is_good(plain, Occasion())


def test_a_proof_that_asserts_does_not_authenticate_and_the_reverse():
    asserting = signed(a_presentation(), says={**SAYS, "proofPurpose": "assertionMethod"})
    assert _checks(asserting)["proof"] == ("fail", "wrong_proof_purpose")
    badge = {name: value for name, value in a_signed_badge().items() if name != "proof"}
    authenticating = {**badge, "proof": prove(badge, a_key(), a_method(a_key()), SIGNED_AT, further=SAYS)}
    found = check_document(authenticating, now=NOW)
    assert "wrong_proof_purpose" in {check.code for check in found.checks}


def test_a_key_that_is_not_the_holders_is_a_mismatch():
    assert _checks(signed(a_presentation(holder=a_key(8))))["holder"] == ("fail", "holder_mismatch")
    both = signed(a_presentation(), suite=EDDSA_JCS)
    del both["holder"]
    both = {name: value for name, value in both.items() if name not in ("proof", "verifiableCredential")}
    two = [prove(both, key, a_method(key), SIGNED_AT, EDDSA_JCS, further=SAYS) for key in (WALLET, a_key(8))]
    assert _checks({**both, "proof": two})["holder"] == ("fail", "holder_mismatch")


def test_a_presentation_that_nobody_signed_says_so():
    assert _checks(a_presentation(a_signed_badge()))["proof"] == ("fail", "proof_missing")
    assert _checks(a_presentation(a_signed_badge()))["holder"] == ("skipped", None)
    shown = check_presentation(a_presentation(a_signed_badge()), Asking(now=NOW))
    assert "The presentation carries no signature." in {each.detail for each in shown.checks}


MALFORMED = [
    None, 7, [], {}, "no token",
    a_presentation(**{"@context": CREDENTIALS_V2}),
    a_presentation(**{"@context": []}),
    a_presentation(**{"@context": [CREDENTIALS_V2, 123192875]}),
    a_presentation(**{"@context": [CREDENTIALS_V2, "https ://not-a-url"]}),
    a_presentation(type="Another"),
    a_presentation(holder=WALLET) | {"holder": "not-a-url"},
    a_presentation(holder=WALLET) | {"holder": {"name": "No id"}},
    a_presentation("https://a.example/credentials/1"),
    a_presentation(7),
    a_presentation(a_vc_token()),
    # One whose id is a token is not an unsigned one.
    a_presentation(id=f"data:application/vp+jwt,{a_vp_token()}"),
    a_presentation(enveloped(a_vc_token(), **{"@context": []})),
    a_presentation(enveloped(a_vc_token(), **{"@context": "https://www.w3.org/ns/credentials/examples/v2"})),
    a_presentation(enveloped(a_vc_token(), id=a_vc_token())),
    a_presentation(enveloped(a_vc_token(), id=f"data:text/plain,{a_vc_token()}")),
    a_presentation(enveloped(a_vc_token(), name="Unsigned")),
    enveloped(a_vp_token(), "Presentation", "vp+jwt") | {"@context": []},
    enveloped(a_vp_token(), "Presentation", "vp+jwt") | {"id": a_vp_token()},
    enveloped(a_vp_token(), "Presentation", "vp+jwt") | {"type": ["VerifiablePresentation"]},
    a_vc_token(),
    a_vp_token({"typ": "vc+jwt"}), a_vp_token({"cty": "vc"}), a_vp_token({"typ": "x+jwt"}),
    a_vp_token(vp={}), a_vp_token(vc={}), an_older_vp_token(vc={}), an_older_vp_token(vp="x"),
]  # fmt: skip


@pytest.mark.parametrize("given", MALFORMED, ids=lambda given: json.dumps(given)[:60])
def test_what_is_no_presentation_is_malformed(given):
    signed_too = signed(given) if isinstance(given, dict) and "holder" in given and _provable(given) else given
    for each in (given, signed_too):
        assert _checks(each)["structure"] == ("fail", "malformed")


def _provable(given):
    try:
        return bool(signed(given))
    except ValueError:
        return False


def test_claims_of_a_token_agree_with_the_presentation():
    assert _checks(a_vp_token(iss="did:web:other.example"))["structure"] == ("fail", "claims_mismatch")
    assert _checks(an_older_vp_token(iss=did_key(a_key(8).public_key())))["holder"] == ("fail", "holder_mismatch")
    ended = a_vp_token(exp=int(NOW.timestamp()) - 1)
    assert _checks(ended)["proof"] == ("fail", "expired")
    assert _checks(a_vp_token(nickname="x"))["contexts"] == ("fail", "data_loss")


def test_unknown_contexts_and_own_ones_are_refused_where_nobody_asked_for_them():
    other = a_presentation(**{"@context": [CREDENTIALS_V2, "https://a.example/"]})
    assert _checks(other)["contexts"] == ("unknown", "unsupported_context")
    assert _checks(GOOD["own terms"])["contexts"] == ("unknown", "unsupported_context")


def test_there_is_a_limit_of_credentials():
    many = a_presentation(*[{"n": number} for number in range(MAX_CREDENTIALS + 1)])
    assert _checks(many)["structure"] == ("unknown", "too_complex")


def test_a_holder_on_the_web_is_looked_up_and_signs_with_keys_for_authentication():
    did = "did:web:wallet.example"
    key = WALLET.public_key()
    method = f"{did}#{encode_multikey(key)}"
    entry = {"id": method, "type": "Multikey", "controller": did, "publicKeyMultibase": encode_multikey(key)}
    own = a_presentation() | {"holder": did}
    del own["verifiableCredential"]
    document = {**own, "proof": prove(own, WALLET, method, SIGNED_AT, further=SAYS)}
    url = "https://wallet.example/.well-known/did.json"
    assert check_presentation(document, Asking(NOW, fetched={})) == Needs(urls=(url,))
    page = {"id": did, "verificationMethod": [entry]}
    for purpose, outcome in (("authentication", "pass"), ("assertionMethod", "fail")):
        assert _checks(document, fetched={url: page | {purpose: [method]}})["proof"][0] == outcome
    assert _checks(document, fetched={url: None})["proof"][0] == "unknown"
    nobody = {name: value for name, value in own.items() if name != "holder"}
    nobody["proof"] = prove(nobody, WALLET, method, SIGNED_AT, further=SAYS)
    assert check_presentation(nobody, Asking(NOW, fetched={})) == Needs(urls=(url,))


@pytest.mark.parametrize(
    ("document", "kid", "said"),
    [
        ({"id": WEB_WALLET}, f"{WALLETS_PLACE}/keys/1", ("pass", None)),
        ({"id": WEB_WALLET}, "https://wallet.example/keys/1", ("unknown", "key_not_bound")),
        (None, f"{WALLETS_PLACE}/keys/1", ("unknown", "key_unresolvable")),
        ({"id": "did:web:other.example"}, f"{WALLETS_PLACE}/keys/1", ("unknown", "did_mismatch")),
    ],
)
def test_a_token_may_name_its_holders_key_by_an_address_as_a_badge_does(document, kid, said):
    token = a_vp_token({"kid": kid}, holder=WEB_WALLET)
    did_json = f"{WALLETS_PLACE}/did.json"
    assert check_presentation(token, Asking(NOW, fetched={})) == Needs(urls=(did_json,))
    if said != ("unknown", "key_unresolvable") and said[1] != "did_mismatch":
        assert check_presentation(token, Asking(NOW, fetched={did_json: document})) == Needs(urls=(kid,))
    fetched = {did_json: document, kid: to_jwk(P256.public_key())}
    found = check_presentation(token, Asking(now=NOW, occasion=OCCASION, fetched=fetched))
    assert {check.name: (check.outcome, check.code) for check in found.checks}["proof"] == said
    assert found.signed is (said[0] == "pass")
    assert found.holder == (WEB_WALLET if found.signed else None)
    others = check_presentation(token, Asking(NOW, fetched={**fetched, kid: to_jwk(an_ec_key(2).public_key())}))
    assert not others.signed


@pytest.mark.parametrize("name", ["rdfc", "jcs", "own terms", "enveloped credential"])
def test_no_single_change_of_a_signed_presentation_is_verified(name):
    document = GOOD[name]
    for path in list(paths(document))[1:]:
        for value in ("changed", None, [], {}, "https://changed.example/"):
            altered = json.loads(json.dumps(document))
            at(altered, path[:-1])[path[-1]] = value
            assert not _is_good(altered) or _same(altered, document), (path, value)
        fewer = json.loads(json.dumps(document))
        del at(fewer, path[:-1])[path[-1]]
        assert not _is_good(fewer) or _same(fewer, document), path


def _same(altered, document):
    """Nothing is the same as no credentials, and one is the same as an array of it."""
    return altered == document or {**altered, "verifiableCredential": []} == document


@pytest.mark.parametrize("name", ["token", "older token"])
def test_no_single_change_of_a_token_is_verified(name):
    token = GOOD[name]
    for place in range(0, len(token) - 1, 11):
        other = "A" if token[place] != "A" else "B"
        assert not _is_good(f"{token[:place]}{other}{token[place + 1 :]}")


def test_an_old_algorithm_signs_presentations_too():
    context = "https://w3id.org/security/suites/ed25519-2020/v1"
    document = signed(a_presentation(**{"@context": [CREDENTIALS_V1, context]}), suite=ED25519_2020)
    assert _is_good(document)


def test_what_is_a_presentation_shows_by_its_types():
    assert all(is_presentation(each) for each in GOOD.values())
    assert not any(
        is_presentation(each) for each in (None, 7, "x", a_signed_badge(), a_vc_token(), enveloped(a_vc_token()))
    )
    token = a_vc_token()
    assert opened_credential(enveloped(token)) == token
    assert opened_credential("x") == "x"


def test_a_signature_of_a_presentation_ends_where_it_says():
    ends = {**SAYS, "expires": "2026-12-31T00:00:00Z"}
    document = signed(a_presentation(), says=ends)
    assert _is_good(document)
    assert _checks(document, now=NOW + timedelta(days=400))["proof"] == ("fail", "expired")


_PUBLISHED = json.loads((Path(__file__).parent / "vectors/vp_jwt.json").read_text())


@pytest.mark.parametrize("media_type", ["jwt", "vp+jwt"])
def test_a_published_token_in_an_envelope_is_verified_with_the_credential_in_it(media_type):
    envelope = enveloped(_PUBLISHED["token"], "Presentation", media_type)
    found = check_presentation(envelope, Asking(NOW, Occasion(_PUBLISHED["challenge"], _PUBLISHED["domain"])))
    assert found.signed
    assert found.holder == _PUBLISHED["holder"]
    assert all(map(_is_genuine, found.credentials))
