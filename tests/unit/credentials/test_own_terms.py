"""A credential's own contexts add terms, and change nothing that is read by its name."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials import jsonld
from shared.credentials.canonical import rdfc
from shared.credentials.compiled import Shapes
from shared.credentials.contexts import (
    CREDENTIALS_V1,
    CREDENTIALS_V2,
    DATA_INTEGRITY_V2,
    OPEN_BADGES_V3,
    Terms,
    context_urls,
    contexts_in,
    from_file,
)
from shared.credentials.errors import CredentialError, DataLoss, UnsupportedContext
from shared.credentials.known_keys import KnownKeys
from shared.credentials.proofs import sign, verify
from tests.support.badges import NOW, SIGNED_AT, a_key, a_method
from tests.support.examples import examples

EXAMPLE = "https://example.org/examples#"
CREDENTIAL = "https://www.w3.org/2018/credentials#"
INLINE = Terms(inline=True)


def a_credential(*own, contexts=(CREDENTIALS_V2,), **members):
    return {
        "@context": [*contexts, *own],
        "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer",
        "credentialSubject": {"id": "did:example:subject"},
        **members,
    }


def _signed(document):
    return sign(document, a_key(), a_method(a_key()), SIGNED_AT, terms=INLINE)


def _verified(document):
    return verify(document, lambda *_: a_key().public_key(), terms=INLINE)[0].outcome == "pass"


GOOD = [
    ({"Ticket": f"{EXAMPLE}Ticket", "seat": f"{EXAMPLE}seat"}, {"seat": "A1"}),
    ({"ex": EXAMPLE, "seat": "ex:seat"}, {"seat": "A1"}),
    ({"@protected": True, "seat": {"@id": f"{EXAMPLE}seat", "@type": "@id"}}, {"seat": "urn:a:1"}),
    ({"seat": {"@id": f"{EXAMPLE}seat", "@container": "@list"}}, {"seat": ["A1", "A2"]}),
    ({"@vocab": f"{EXAMPLE}"}, {"seat": "A1"}),
    ({"@context": {"seat": f"{EXAMPLE}seat"}}, {"seat": "A1"}),
    ({"email": "https://schema.org/email"}, {"email": "a@example.org"}),
]  # fmt: skip


@pytest.mark.parametrize(("context", "members"), GOOD)
def test_terms_of_a_credentials_own_are_covered_where_they_are_allowed_and_nowhere_else(context, members):
    document = a_credential(context, credentialSubject={"id": "did:example:subject", **members})
    assert next(iter(members)) in rdfc(document, inline=True)
    assert Shapes().rdfc(document, inline=True) == rdfc(document, inline=True)
    with pytest.raises(UnsupportedContext):
        rdfc(document)


BAD = [
    {"VerifiableCredential": f"{EXAMPLE}Bad"},
    {"validUntil": f"{EXAMPLE}Bad"},
    {"expirationDate": f"{EXAMPLE}Bad"},
    {"statusListIndex": f"{EXAMPLE}Bad"},
    {"ends": f"{CREDENTIAL}validUntil"},
    {"cred": CREDENTIAL, "ends": "cred:validUntil"},
    {"cred": {"@id": f"{CREDENTIAL}valid", "@prefix": True}, "ends": "cred:Until"},
    {"called": "https://schema.org/name"},
    {"skill": "https://purl.imsglobal.org/spec/vc/ob/vocab.html#achievement"},
    {"uri": "@id"},
    {"kind": "@type"},
    {"inner": "@nest"},
    {"beside": {"@reverse": f"{CREDENTIAL}credentialSubject"}},
    {"by": {"@id": f"{EXAMPLE}by", "@container": "@index"}},
    {"by": {"@id": f"{EXAMPLE}by", "@container": ["@set", "@language"]}},
    {"by": {"@id": f"{EXAMPLE}by", "@context": {"x": f"{CREDENTIAL}validUntil"}}},
    {"by": {"@id": f"{EXAMPLE}by", "@language": "en"}},
    {"a:b": f"{EXAMPLE}by"},
    {"@base": "https://attacker.example/"},
    {"@import": CREDENTIALS_V2},
    {"@propagate": False},
    {"@language": "en"},
    {"@vocab": CREDENTIAL},
    {"@vocab": CREDENTIAL[:-4]},
    {"@vocab": "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"},
    {"@vocab": None},
    {"@version": 1.1},
    {"@vocab": 1},
    {"seat": 1},
    {"seat": {"@id": 1}},
    {"@context": "https://attacker.example/"},
    {"@context": {"uri": "@id"}},
    {"@context": {"@context": {"seat": f"{EXAMPLE}seat"}}},
    {"@context": {"seat": f"{EXAMPLE}seat"}, "row": f"{EXAMPLE}row"},
    None,
    7,
    ["https://attacker.example/"],
]


@pytest.mark.parametrize("context", BAD, ids=str)
def test_a_context_that_could_change_what_is_read_by_name_is_data_loss(context):
    with pytest.raises(DataLoss):
        rdfc(a_credential(context), inline=True)
    with pytest.raises(DataLoss):
        rdfc(a_credential(context, contexts=(CREDENTIALS_V1,)), inline=True)


def test_a_term_that_is_defined_as_nothing_covers_nothing():
    with pytest.raises(DataLoss):
        rdfc(a_credential({"seat": None}, credentialSubject={"id": "did:example:subject", "seat": "A1"}), inline=True)


def test_a_vocabulary_does_not_stand_beside_that_of_open_badges():
    with pytest.raises(DataLoss):
        rdfc(a_credential({"@vocab": EXAMPLE}, contexts=(CREDENTIALS_V2, OPEN_BADGES_V3)), inline=True)


def test_names_are_defined_in_a_credential_of_the_older_data_model_and_redefined_in_none_of_the_newer():
    context = {"name": f"{EXAMPLE}name", "description": "https://schema.org/description"}
    assert rdfc(a_credential(context, contexts=(CREDENTIALS_V1,), name="A", description="B"), inline=True)
    with pytest.raises(DataLoss):
        rdfc(a_credential(context), inline=True)
    with pytest.raises(DataLoss):
        rdfc(a_credential({"name": "https://schema.org/description"}, contexts=(CREDENTIALS_V1,)), inline=True)


# w3c/vc-data-model-2.0-test-suite, tests/input: type-mapped-nonurl, type-unmapped, redef-type2
UNDEFINED = [
    ([{"T": "https ://not-a-url#T"}], "T"),
    ([{"@vocab": None}], "T"),
    ([{"T": "relative"}], "T"),
    ([{"@protected": True, "T": f"{EXAMPLE}T"}, {"T": f"{EXAMPLE}Bad"}], "T"),
    ([{"T": None}], "T"),
    ([{"@vocab": ""}], "T"),
    ([], "T"),
    ([], f"{CREDENTIAL}VerifiablePresentation"),
]


@pytest.mark.parametrize(("own", "kind"), UNDEFINED)
def test_a_type_that_means_nothing_is_data_loss(own, kind):
    with pytest.raises(DataLoss):
        rdfc(a_credential(*own, type=["VerifiableCredential", kind]), inline=True)


@pytest.mark.parametrize(("contexts", "member", "iri"), [
    ((CREDENTIALS_V2,), "validUntil", f"{CREDENTIAL}validUntil"),
    ((CREDENTIALS_V2,), "validFrom", f"{CREDENTIAL}validFrom"),
    ((CREDENTIALS_V2,), "credentialStatus", f"{CREDENTIAL}credentialStatus"),
    ((CREDENTIALS_V2,), "name", "https://schema.org/name"),
    ((CREDENTIALS_V1, DATA_INTEGRITY_V2), "expirationDate", f"{CREDENTIAL}expirationDate"),
])  # fmt: skip
def test_no_member_of_a_signed_credential_can_be_called_otherwise(contexts, member, iri):
    values = {
        "name": "A",
        "credentialStatus": {"id": "urn:x:1", "type": "BitstringStatusListEntry", "statusPurpose": "revocation"},
    }
    signed = _signed(a_credential(contexts=contexts, **{member: values.get(member, "2020-01-01T00:00:00Z")}))
    assert _verified(signed)
    for definition in (
        iri,
        {"@id": iri, "@type": "http://www.w3.org/2001/XMLSchema#dateTime"},
        {"@id": iri, "@type": "@id"},
    ):
        renamed = {"another" if name == member else name: value for name, value in signed.items()}
        assert not _verified(renamed | {"@context": [*contexts, {"another": definition}]})


def test_what_a_document_brings_is_forgotten_with_it():
    rdfc(a_credential(), inline=True)
    before = len(jsonld._memory.resolved)
    for number in range(3):
        rdfc(a_credential({f"seat{number}": f"{EXAMPLE}seat"}), inline=True)
    assert len(jsonld._memory.resolved) == before


def test_contexts_for_tests_come_from_a_file_and_replace_none_that_is_pinned(tmp_path):
    file = tmp_path / "contexts.json"
    own = {"@context": {"@vocab": "https://a.example/#"}}
    file.write_text(json.dumps({"https://a.example/": own, CREDENTIALS_V2: {}}))
    known = from_file(file)
    assert Terms(known).knows("https://a.example/")
    assert "https://a.example/#seat" in rdfc(
        a_credential(contexts=(CREDENTIALS_V2, "https://a.example/"), credentialSubject={"seat": "A1"}), known
    )
    assert from_file(None) is None
    assert not Terms().knows("https://a.example/")


def test_every_context_is_found_wherever_it_stands():
    document = {"@context": "urn:1", "a": [{"@context": [{"x": "urn:y"}, "urn:2"]}]}
    assert list(contexts_in(document)) == [["urn:1"], [{"x": "urn:y"}, "urn:2"]]
    with pytest.raises(UnsupportedContext):
        list(context_urls(document))


_VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(["", "@id", "@type", "ex:a", EXAMPLE, "ex", "a", ":", "a:"]),
)
_KEYWORD = st.sampled_from(["@id", "@type", "@container", "@protected", "@prefix", "@language", "@context", "a"])
_NAME = st.sampled_from(["@vocab", "@protected", "@base", "a", "b", "ex", "id", "", "@", "@x", "a/b", "T"])
_CONTEXT = st.dictionaries(_NAME, _VALUE | st.dictionaries(_KEYWORD, _VALUE | st.lists(_VALUE, max_size=2), max_size=3))


@examples(100)
@given(context=_CONTEXT, kind=st.sampled_from(["a", "T", "ex:a"]))
def test_no_context_raises_anything_but_a_finding(context, kind):
    document = a_credential(context, type=["VerifiableCredential", kind], credentialSubject={"a": "x", "b": ["ex:a"]})
    try:
        rdfc(document, inline=True)
    except CredentialError as error:
        assert error.code in ("data_loss", "too_complex", "malformed")  # noqa: PT017


_CHAINS = json.loads((Path(__file__).parent / "vectors/proof_chains.json").read_text())["credentials"]


@pytest.mark.parametrize("vector", _CHAINS, ids=lambda vector: vector["name"])
def test_published_chains_of_proofs_are_over_the_document_with_the_previous_ones_left_in(vector):
    findings = verify(vector["document"], KnownKeys((), NOW).resolve, terms=INLINE)
    assert findings[0].outcome == "pass"
    assert (findings[1].outcome == "pass") is vector["verified"]
