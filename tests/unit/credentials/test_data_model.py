"""The Verifiable Credentials Data Model's rules, one by one: what is refused, with its path, and what is not."""

import json
from base64 import b64encode, urlsafe_b64encode
from copy import deepcopy
from hashlib import new, sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials import contexts
from shared.credentials.data_model import refuse_other_than_credential
from shared.credentials.errors import CredentialError
from shared.credentials.multibase import encode_base58
from tests.support.examples import examples

V1, V2 = contexts.CREDENTIALS_V1, contexts.CREDENTIALS_V2
SUBJECT = "did:example:subject"
PUBLISHED_SRI = "sha384-l/HrjlBCNWyAX91hr6LFV2Y3heB5Tcr6IeE4/Tje8YyzYBM8IhqjHWiWpr8+ZbYU"  # of credentials/v2
ABSENT = ...

# The forms that the W3C test suite of the data model sends (w3c/vc-data-model-2.0-test-suite, tests/input), and a few.
REFUSED = [
    ("@context", ABSENT, "@context"),
    ("@context", None, "@context"),
    ("@context", V2, "@context"),
    ("@context", [], "@context"),
    ("@context", [{"a": "https://a.example/"}, V2], "@context"),
    ("@context", ["https://a.example/", V2], "@context"),
    ("@context", [V2, 123192875], "@context"),
    ("@context", [V2, "https ://not-a-url/contexts/example/v1"], "@context"),
    ("@context", [V2, None], "@context"),
    ("type", ABSENT, "type"),
    ("type", [], "type"),
    ("type", "ExampleTestCredential", "type"),
    ("type", ["VerifiableCredential", 1], "type"),
    ("type", ["VerifiableCredential", None], "type"),
    ("id", "not-a-url", "id"),
    ("id", None, None),  # None is an absent member here; JSON-LD refuses it
    ("id", 1, "id"),
    ("id", ["https://a.example/1", "https://a.example/2"], "id"),
    ("issuer", ABSENT, "issuer"),
    ("issuer", None, "issuer"),
    ("issuer", "not-a-url", "issuer"),
    ("issuer", {}, "issuer"),
    ("issuer", {"name": "No id"}, "issuer"),
    ("issuer", {"id": None}, "issuer"),
    ("issuer", {"id": "not-a-url"}, "issuer"),
    ("issuer", ["did:example:1", "did:example:2"], "issuer"),
    ("credentialSubject", ABSENT, "credentialSubject"),
    ("credentialSubject", {}, "credentialSubject"),
    ("credentialSubject", [], "credentialSubject"),
    ("credentialSubject", "did:example:subject", "credentialSubject"),
    ("credentialSubject", [{"id": SUBJECT}, {}], "credentialSubject"),
    ("credentialSubject", {"id": "not-a-url"}, "credentialSubject.id"),
    ("credentialSubject", {"id": [SUBJECT, SUBJECT]}, "credentialSubject.id"),
    ("validFrom", "2010-01-01", "validFrom"),
    ("validFrom", "2010-01-01T19:23:24", "validFrom"),
    ("validFrom", 1262373804, "validFrom"),
    ("validUntil", "2010-01-01T19:23:24", "validUntil"),
    ("validUntil", "2000-01-01T00:00:00Z", "validUntil"),
    ("credentialStatus", "https://a.example/1", "credentialStatus"),
    ("credentialStatus", [], "credentialStatus"),
    ("credentialStatus", {"id": "https://a.example/1"}, "credentialStatus.type"),
    ("credentialStatus", {"type": "T", "id": "not-a-url"}, "credentialStatus.id"),
    ("credentialStatus", {"type": "T", "id": ["https://a.example/1", "https://a.example/2"]}, "credentialStatus.id"),
    ("credentialSchema", {"id": "https://a.example/1"}, "credentialSchema.type"),
    ("credentialSchema", {"type": "JsonSchema"}, "credentialSchema.id"),
    ("credentialSchema", {"type": "JsonSchema", "id": 1}, "credentialSchema.id"),
    ("credentialSchema", [{"type": "JsonSchema", "id": "not-a-url"}], "credentialSchema.id"),
    ("refreshService", {"id": "https://a.example/1"}, "refreshService.type"),
    ("refreshService", {"type": "T", "id": "not-a-url"}, "refreshService.id"),
    ("termsOfUse", {"id": "https://a.example/1"}, "termsOfUse.type"),
    ("termsOfUse", {"type": "T", "id": "not-a-url"}, "termsOfUse.id"),
    ("evidence", {"id": "https://a.example/1"}, "evidence.type"),
    ("evidence", [{"type": "T"}, "https://a.example/1"], "evidence"),
    ("renderMethod", {"id": "https://a.example/1"}, "renderMethod.type"),
    ("confidenceMethod", {"id": "https://a.example/1"}, "confidenceMethod.type"),
    ("proof", {"proofPurpose": "assertionMethod"}, "proof.type"),
    ("proof", "signed", "proof"),
    ("proof", [], "proof"),
    ("name", 1, "name"),
    ("name", {"@value": "A", "@language": "en", "url": "https://a.example/"}, "name"),
    ("name", {"@language": "en"}, "name"),
    ("name", {"@value": 1}, "name"),
    ("name", {"@value": "A", "@language": "not a tag"}, "name"),
    ("name", {"@value": "A", "@direction": "up"}, "name"),
    ("name", {"@value": "A", "@language": None}, "name"),
    ("description", {"@value": "A", "@type": "https://a.example/"}, "description"),
    ("issuer", {"id": "did:example:1", "name": {"@value": "A", "x": "y"}}, "issuer.name"),
    ("issuer", {"id": "did:example:1", "description": [1]}, "issuer.description"),
    ("relatedResource", [], "relatedResource"),
    ("relatedResource", ["https://a.example/1"], "relatedResource"),
    ("relatedResource", {"id": "https://a.example/1"}, "relatedResource"),
    ("relatedResource", {"digestMultibase": "u" + 43 * "A"}, "relatedResource.id"),
    ("relatedResource", {"id": "not-a-url", "digestMultibase": "u" + 43 * "A"}, "relatedResource.id"),
    ("relatedResource", 2 * [{"id": "https://a.example/1", "digestMultibase": "u" + 43 * "A"}], "relatedResource.id"),
    ("relatedResource", {"id": "https://a.example/1", "digestSRI": "sha256-" + 64 * "a"}, "relatedResource.digestSRI"),
    ("relatedResource", {"id": "https://a.example/1", "digestSRI": "md5-" + 24 * "a"}, "relatedResource.digestSRI"),
    ("relatedResource", {"id": "https://a.example/1", "digestSRI": ""}, "relatedResource.digestSRI"),
    ("relatedResource", {"id": "https://a.example/1", "digestSRI": 1}, "relatedResource.digestSRI"),
    ("relatedResource", {"id": "https://a.example/1", "digestMultibase": "zz0"}, "relatedResource.digestMultibase"),
    ("relatedResource", {"id": "https://a.example/1", "digestMultibase": []}, "relatedResource.digestMultibase"),
    ("relatedResource", {"id": V2, "digestMultibase": "u" + 43 * "A"}, "relatedResource.digestMultibase"),
]  # fmt: skip

ACCEPTED = [
    ("@context", [V2, "https://www.w3.org/ns/credentials/examples/v2"]),
    ("@context", [V2, {"T": "https://a.example/#T"}]),
    ("type", "VerifiableCredential"),
    ("type", ["https://a.example/#T", "VerifiableCredential"]),
    ("id", "urn:uuid:0d6c2b8e-1111-4222-8333-444455556666"),
    ("issuer", {"id": "did:example:1", "name": "A", "anything": "else"}),
    ("credentialSubject", [{"id": SUBJECT}, {"name": "B"}]),
    ("validFrom", "2010-01-01T19:23:24+02:00"),
    ("validFrom", "2010-01-01T19:23:24.123Z"),
    ("validFrom", ABSENT),
    ("credentialStatus", {"type": "T"}),
    ("credentialSchema", [{"type": "T", "id": "did:example:1"}, {"type": "T", "id": "did:example:2"}]),
    ("refreshService", {"type": "https://a.example/#T"}),
    ("termsOfUse", [{"type": "T"}, {"type": "T", "id": "did:example:1"}]),
    ("evidence", [{"type": "T"}, {"type": ["T", "U"]}]),
    ("name", [{"@value": "A", "@language": "en"}, {"@value": "B", "@language": "ar", "@direction": "rtl"}]),
    ("description", {"@value": "A"}),
    ("relatedResource", {"id": V2, "digestSRI": PUBLISHED_SRI}),
    ("relatedResource", {"id": V2, "digestMultibase": "uWZVc7WaX1h4D8rJVb-vlMIqxaEKEb1tYbX8fet7JJzQ"}),
    ("relatedResource", {"id": "u:1", "mediaType": "text/css", "digestSRI": f"sha256-{43 * 'A'}="}),
    ("relatedResource", {"id": "u:1", "digestMultibase": "uEiAjCHMnK5-ayOIZLWo_TBoKYVvSAprlkYEjRlm19Cj0uw"}),
]  # fmt: skip


def a_credential(**members):
    credential = {
        "@context": [V2],
        "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer",
        "validFrom": "2010-01-01T19:23:24Z",
        "credentialSubject": {"id": SUBJECT},
    }
    return {name: value for name, value in (credential | members).items() if value is not ABSENT}


def _refusal(document):
    try:
        refuse_other_than_credential(document)
    except CredentialError as error:
        return error.detail if error.code == "malformed" else f"{error.code}: {error.detail}"
    return None


def _of(member, value, path=None):
    return pytest.param(member, value, path, id=f"{member}={'absent' if value is ABSENT else str(value)[:40]}")


@pytest.mark.parametrize(("member", "value", "path"), [_of(*row) for row in REFUSED])
def test_a_credential_against_a_rule_is_malformed_and_the_path_is_named(member, value, path):
    detail = _refusal(a_credential(**{member: value}))
    assert (detail or "").split(" ", 1)[0] == (path or "")


@pytest.mark.parametrize(("member", "value", "_"), [_of(*row) for row in ACCEPTED])
def test_what_the_data_model_allows_is_let_through(member, value, _):
    assert _refusal(a_credential(**{member: value})) is None


V1_ROWS = [
    ({}, None),
    ({"expirationDate": "2040-01-01T00:00:00Z"}, None),
    ({"issuanceDate": ABSENT}, "issuanceDate"),
    ({"issuanceDate": "2010-01-01"}, "issuanceDate"),
    ({"expirationDate": "2000-01-01T00:00:00Z"}, "expirationDate"),
    ({"credentialStatus": {"type": "T"}}, "credentialStatus.id"),
    ({"refreshService": {"type": "T"}}, "refreshService.id"),
]


@pytest.mark.parametrize(("members", "path"), V1_ROWS)
def test_a_credential_of_the_older_data_model_has_its_own_dates_and_ids(members, path):
    older = {"@context": [V1], "validFrom": ABSENT, "issuanceDate": "2010-01-01T19:23:24Z"}
    assert (_refusal(a_credential(**older | members)) or "").split(" ", 1)[0] == (path or "")


@pytest.mark.parametrize("url", sorted(contexts.KNOWN))
@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_the_digest_of_a_context_known_here_is_checked_in_every_way_to_write_it(url, name):
    digest = new(name, contexts.raw(url)).digest()
    multihash = {"sha256": b"\x12\x20", "sha384": b"\x20\x30", "sha512": b"\x13\x40"}[name] + digest
    written = [{"digestSRI": f"{name}-{b64encode(digest).decode()}"}, {"digestMultibase": encode_base58(multihash)}]
    written.append({"digestMultibase": f"u{urlsafe_b64encode(multihash).rstrip(b'=').decode()}"})
    for member in written:
        assert _refusal(a_credential(relatedResource={"id": url, **member})) is None
    wrong = f"{name}-{b64encode(new(name, b'another body').digest()).decode()}"
    assert "not the digest" in (_refusal(a_credential(relatedResource={"id": url, "digestSRI": wrong})) or "")


def test_one_of_several_digests_of_a_context_is_enough_in_each_member():
    right = b64encode(sha256(contexts.raw(V2)).digest()).decode()
    resource = {"id": V2, "digestSRI": f"sha256-{43 * 'A'}= sha256-{right}"}
    assert _refusal(a_credential(relatedResource=resource)) is None


@pytest.mark.parametrize("document", [None, [], "credential", 1, {}])
def test_what_is_no_credential_at_all_is_malformed(document):
    assert _refusal(document)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@examples(50)
@given(member=st.sampled_from(sorted({row[0] for row in REFUSED} | {"anything"})), value=_JSON)
def test_nothing_in_a_member_raises_anything_but_a_finding(member, value):
    document = a_credential(**{member: deepcopy(value)})
    _refusal(json.loads(json.dumps(document)))
