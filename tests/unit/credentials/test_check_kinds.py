"""Credentials that are no badges are checked by the same steps, under the rules of their kind."""

import pytest

from shared.credentials.check import Needs, Policy, check_document, check_token
from shared.credentials.contexts import CREDENTIALS_V1, CREDENTIALS_V2, ED25519_2020_V1, OPEN_BADGES_V3, Terms, pinned
from shared.credentials.dids import did_document
from shared.credentials.jwt import write_vc
from shared.credentials.keys import did_key, method_id
from shared.credentials.proofs import prove, sign
from shared.credentials.suites import ECDSA_JCS, ED25519_2020, EDDSA_JCS, EDDSA_RDFC
from tests.support.badges import NOW, SIGNED_AT, a_key, a_method, a_signed_badge, an_ec_key, at, paths
from tests.support.presentations import a_credential

GENERIC = Policy(Terms(inline=True), others_may_sign=True)
INLINE = {"Ticket": "https://example.org/#Ticket", "seat": "https://example.org/#seat"}


def an_endorsement(**members):
    return a_credential(
        **{
            "@context": [CREDENTIALS_V2, OPEN_BADGES_V3],
            "type": ["VerifiableCredential", "EndorsementCredential"],
            "issuer": {"id": did_key(a_key().public_key()), "type": ["Profile"], "name": "A shop"},
            "credentialSubject": {
                "id": "https://badges.example/achievements/1",
                "type": ["EndorsementSubject"],
                "endorsementComment": "Good.",
            },
        }
        | members
    )


def an_older_credential():
    older = a_credential(**{"@context": [CREDENTIALS_V1, ED25519_2020_V1], "issuanceDate": "2026-01-01T00:00:00Z"})
    del older["validFrom"], older["validUntil"], older["name"], older["issuer"]["name"]
    return older


def _signed(document, suite=EDDSA_RDFC, key=None, terms=GENERIC.terms):
    key = key or a_key()
    return sign(document, key, a_method(key), SIGNED_AT, suite, terms=terms)


def _checks(document, policy=None, now=NOW):
    found = check_document(document, now=now, **({"policy": policy} if policy else {}))
    return {check.name: (check.outcome, check.code) for check in found.checks}


def _is_good(document, policy=None):
    found = _checks(document, policy)
    return {"structure", "contexts", "issuer", "proof", "validity"} <= found.keys() and all(
        outcome == "pass" for outcome, _ in found.values()
    )


@pytest.mark.parametrize("suite", [EDDSA_RDFC, EDDSA_JCS])
@pytest.mark.parametrize("document", [a_credential(), an_endorsement()], ids=["credential", "endorsement"])
def test_any_credential_of_the_data_model_is_checked_as_a_badge_is(document, suite):
    signed = _signed(document, suite)
    assert _is_good(signed)
    assert _checks(signed | {"name": "Another"})["proof"] == ("fail", "tampered")
    assert _checks(signed, now=NOW.replace(year=2031))["validity"] == ("fail", "expired")


def test_a_credential_of_the_older_data_model_is_checked_too():
    assert _is_good(_signed(an_older_credential(), ED25519_2020))


def test_a_credential_comes_as_a_token_too():
    key = an_ec_key()
    found = check_token(write_vc(a_credential(key), key, a_method(key), SIGNED_AT), now=NOW)
    assert {check.outcome for check in found.checks} == {"pass"}
    assert found.facts.kind == "credential"


@pytest.mark.parametrize(
    "document", [_signed(a_credential()), _signed(an_endorsement()), _signed(a_credential(), EDDSA_JCS)]
)
def test_no_single_change_of_a_signed_credential_is_verified(document):
    for path in list(paths(document))[1:]:
        for value in ("changed", 7, None, [], {}, "https://changed.example/"):
            altered = _copied(document)
            at(altered, path[:-1])[path[-1]] = value
            # A proof covers what its type may be called, and an array of one is that one.
            assert altered == document or not _is_good(altered, GENERIC), (path, value)


def _copied(value):
    if isinstance(value, dict):
        return {name: _copied(member) for name, member in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def test_what_an_endorsement_endorses_is_said():
    found = check_document(_signed(an_endorsement()), now=NOW)
    assert next(check.detail for check in found.checks if check.name == "endorsed") == (
        "It endorses “https://badges.example/achievements/1”."
    )
    assert found.facts.kind == "endorsement"


@pytest.mark.parametrize(
    "subject",
    [
        {"type": ["EndorsementSubject"]},
        {"id": "https://a.example/"},
        {"id": "https://a.example/", "type": "AchievementSubject"},
        [{"id": "https://a.example/", "type": ["EndorsementSubject"]}],
    ],
)
def test_an_endorsement_of_nothing_is_malformed(subject):
    assert _checks(an_endorsement(credentialSubject=subject))["structure"] == ("fail", "malformed")


def test_terms_of_a_credentials_own_are_taken_by_those_who_ask_for_it_and_never_in_a_badge():
    own = a_credential(
        **{
            "@context": [CREDENTIALS_V2, INLINE],
            "type": ["VerifiableCredential", "Ticket"],
            "credentialSubject": {"seat": "A1"},
        }
    )
    for suite in (EDDSA_RDFC, EDDSA_JCS):
        signed = _signed(own, suite)
        assert _is_good(signed, GENERIC)
        assert _checks(signed)["contexts"] == ("unknown", "inline_context")
    badge = a_signed_badge()
    for document in (badge, _signed(an_endorsement())):
        inline = document | {"@context": [*document["@context"], INLINE]}
        assert _checks(inline, GENERIC)["contexts"] == ("fail", "inline_context")


def test_unsafe_terms_are_data_loss_however_the_credential_is_signed():
    own = a_credential(**{"@context": [CREDENTIALS_V2, {"ends": "https://www.w3.org/2018/credentials#validUntil"}]})
    signed = _signed(own, EDDSA_JCS)
    assert _checks(signed, GENERIC)["contexts"] == ("fail", "data_loss")
    assert _checks(signed | {"proof": _signed(a_credential())["proof"]}, GENERIC)["proof"] == ("fail", "data_loss")


def test_a_context_that_is_not_known_is_unsupported_until_it_is():
    examples = "https://www.w3.org/ns/credentials/examples/v2"
    document = a_credential(**{"@context": [CREDENTIALS_V2, examples], "credentialSubject": {"seat": "A1"}})
    known = Policy(
        Terms({**pinned(), examples: {"@context": {"@vocab": "https://www.w3.org/ns/credentials/examples#"}}})
    )
    signed = _signed(document, terms=known.terms)
    assert _checks(signed)["contexts"] == ("unknown", "unsupported_context")
    assert _is_good(signed, known)


def _with_another_signer(document):
    """Two proofs, each over the document without any: the issuer's, and somebody else's."""
    other = an_ec_key()
    own, others = (_signed(document, suite, key)["proof"] for suite, key in ((EDDSA_JCS, a_key()), (ECDSA_JCS, other)))
    return {**document, "proof": [own, others]}


def test_others_on_the_web_who_signed_beside_the_issuer_are_looked_up_where_they_may():
    other, did = an_ec_key(), "did:web:union.example"
    credential, address = a_credential(), "https://union.example/.well-known/did.json"
    own = _signed(credential, EDDSA_JCS, a_key())["proof"]
    theirs = prove(credential, other, method_id(did, other.public_key()), SIGNED_AT, ECDSA_JCS)
    both = {**credential, "proof": [own, theirs]}
    assert check_document(both, now=NOW, fetched={}, policy=GENERIC) == Needs(urls=(address,))
    documents = {
        "pass": did_document(did, [other.public_key()]),
        "fail": did_document(did, [an_ec_key(2).public_key()]),
        "unknown": None,
    }
    for outcome, document in documents.items():
        found = check_document(both, now=NOW, fetched={address: document}, policy=GENERIC)
        assert {check.name: check.outcome for check in found.checks}["proof"] == outcome
    strict = check_document(both, now=NOW, fetched={})
    assert {check.name: check.code for check in strict.checks}["issuer"] == "issuer_mismatch"


def test_others_may_sign_beside_the_issuer_where_whoever_asks_decides_himself():
    both = _with_another_signer(a_credential())
    assert _checks(both)["issuer"] == ("fail", "issuer_mismatch")
    assert _is_good(both, GENERIC)
    assert _checks(both | {"proof": both["proof"][1]}, GENERIC)["issuer"] == ("fail", "issuer_mismatch")
    assert _checks(both | {"name": "Another"}, GENERIC)["proof"] == ("fail", "tampered")
