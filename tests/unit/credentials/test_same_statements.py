"""Whoever holds a signed credential can write the same statements otherwise: what is read by name stays, or is refused.

Such a rewriting leaves the signature as good as it was, so only the rules of the form stand in its way.
"""

import pytest

from shared.credentials.check import STRICT, Policy, check_document
from shared.credentials.contexts import (
    CREDENTIALS_V1,
    CREDENTIALS_V2,
    DATA_INTEGRITY_V2,
    OPEN_BADGES_EXTENSIONS,
    OPEN_BADGES_V3,
    Terms,
)
from shared.credentials.keys import did_key
from shared.credentials.proofs import prove, sign
from tests.support.badges import NOW, SIGNED_AT, a_badge, a_key, a_method
from tests.support.presentations import a_credential

DID = did_key(a_key().public_key())
ID = "https://college.example/credentials/1"
LISTED_AT = "https://college.example/revoked"
DATE_TIME = "http://www.w3.org/2001/XMLSchema#dateTime"
PAST = "2021-01-01T00:00:00Z"
VC_API = Policy(Terms(inline=True), others_may_sign=True)
SECURITY = ("https://w3id.org/security/v1", "https://w3id.org/security/v2")


def _signed(document, **further):
    return {**document, "proof": prove(document, a_key(), a_method(a_key()), SIGNED_AT, further=further)}


def _wrong(document, policy=STRICT, fetched=None):
    found = check_document(document, now=NOW, fetched=fetched or {}, policy=policy)
    return {check.code for check in found.checks if check.outcome in ("fail", "unknown")}


def _of_the_older_model(**members):
    return {
        "@context": [CREDENTIALS_V1, DATA_INTEGRITY_V2],
        "id": ID,
        "type": ["VerifiableCredential"],
        "issuer": DID,
        "issuanceDate": "2020-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:ada"},
        **members,
    }


def _older_badge(**members):
    left_out = ("validFrom", "validUntil", "credentialStatus")
    badge = {name: member for name, member in a_badge().items() if name not in left_out}
    contexts = [CREDENTIALS_V1, OPEN_BADGES_V3, DATA_INTEGRITY_V2]
    return {**badge, "@context": contexts, "issuanceDate": "2020-01-01T00:00:00Z", **members}


@pytest.mark.parametrize("document", [_of_the_older_model, _older_badge])
@pytest.mark.parametrize("name", ["expirationDate", "validUntil"])
def test_an_end_in_an_array_does_not_make_an_expired_credential_valid(document, name):
    signed = _signed(document(**{name: PAST}))
    assert _wrong(signed) == {"expired"}
    assert _wrong({**signed, name: [PAST]}) == {"malformed"}


def test_an_end_of_the_older_model_in_an_array_is_refused_in_the_newer_one_too():
    signed = _signed(_of_the_older_model(expirationDate=PAST))
    terms = {
        name: {"@id": f"https://www.w3.org/2018/credentials#{name}", "@type": DATE_TIME}
        for name in ("issuanceDate", "expirationDate")
    }
    rewritten = {**signed, "@context": [CREDENTIALS_V2, terms]}
    assert _wrong(rewritten, VC_API) == {"expired"}
    assert _wrong({**rewritten, "expirationDate": [PAST]}, VC_API) == {"malformed"}


@pytest.mark.parametrize(
    ("policy", "context"),
    [
        *((STRICT, each) for each in SECURITY),
        (VC_API, {"expiration": {"@id": "https://w3id.org/security#expiration", "@type": DATE_TIME}}),
    ],
)
def test_the_end_of_a_proof_can_not_be_called_by_its_other_name(policy, context):
    signed = _signed(a_credential(), expires=PAST)
    assert _wrong(signed, policy) == {"expired"}
    proof = {name: member for name, member in signed["proof"].items() if name != "expires"}
    renamed = {
        **signed,
        "@context": [*signed["@context"], context],
        "proof": {**proof, "expiration": signed["proof"]["expires"]},
    }
    assert _wrong(renamed, policy) == {"proof_malformed"}


def test_an_id_that_is_shortened_does_not_take_a_credential_off_the_list_of_revoked_ones():
    status = {"id": LISTED_AT, "type": "1EdTechRevocationList"}
    signed = sign(
        {
            "@context": [CREDENTIALS_V2, OPEN_BADGES_EXTENSIONS],
            "id": ID,
            "type": ["VerifiableCredential"],
            "issuer": DID,
            "credentialSubject": {"id": "did:example:ada"},
            "credentialStatus": status,
        },
        a_key(),
        a_method(a_key()),
        SIGNED_AT,
    )
    fetched = {LISTED_AT: {"id": LISTED_AT, "issuer": DID, "revokedCredential": [{"id": ID, "revoked": True}]}}
    assert _wrong(signed, VC_API, fetched) == {"revoked"}
    for prefix in ("https://college.example/credentials/", {"@id": "https://college.example/credent", "@prefix": True}):
        rest = "1" if isinstance(prefix, str) else "ials/1"
        short = {**signed, "@context": [*signed["@context"], {"x": prefix}], "id": f"x:{rest}"}
        assert _wrong(short, VC_API, fetched) == {"data_loss"}


def test_a_text_that_only_looks_shortened_is_no_id():
    context = {"note": {"@id": "https://example.org/#note"}, "ex": "https://example.org/#"}
    credential = a_credential(**{"@context": [CREDENTIALS_V2, context], "description": "ex: as before; note:this"})
    assert _wrong(sign(credential, a_key(), a_method(a_key()), SIGNED_AT, terms=VC_API.terms), VC_API) == set()
