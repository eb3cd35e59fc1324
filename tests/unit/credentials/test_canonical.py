"""Canonical forms: those of published examples, those of PyLD, and refusals instead of silent loss."""

import json
import unicodedata
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld as pyld

from shared.credentials import canonical, jsonld
from shared.credentials.contexts import CREDENTIALS_V2, OPEN_BADGES_V3, pinned
from shared.credentials.errors import DataLoss, MalformedJson, TooComplex
from shared.credentials.rdf_canon import Quad, canonicalize, escape
from tests.support.badges import a_badge, a_signed_badge, an_achievement

VECTORS = Path(__file__).parent / "vectors"


def _hash(document, contexts=None):
    return sha256(canonical.rdfc(document, contexts).encode()).hexdigest()


@pytest.mark.parametrize("name", ["open_badges_3_guide", "vc_di_eddsa_rdfc_2022"])
def test_a_published_example_gives_both_published_hashes(name):
    vector = json.loads((VECTORS / f"{name}.json").read_text())
    contexts = {**pinned(), **vector.get("stand_in_contexts", {})}
    document = {name: member for name, member in vector["signed"].items() if name != "proof"}
    options = {name: member for name, member in vector["signed"]["proof"].items() if name != "proofValue"}
    assert _hash(document, contexts) == vector["document_hash"]
    assert _hash({**options, "@context": document["@context"]}, contexts) == vector["options_hash"]


def _pyld_form(document):
    def load(url, _options):
        return {"contextUrl": None, "documentUrl": url, "document": pinned()[url]}

    options = {"algorithm": "URDNA2015", "format": "application/n-quads", "documentLoader": load, "base": ""}
    return pyld.normalize(document, options)


# The characters that PyLD 3.3 does not escape as RDFC-1.0 does.
_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
_EVIDENCE = st.lists(
    st.fixed_dictionaries(
        {}, optional={"name": st.sampled_from("ab"), "narrative": _TEXT, "genre": st.just("film")}
    ).filter(bool),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(
    name=_TEXT,
    evidence=_EVIDENCE,
    values=st.lists(st.sampled_from("ABC"), max_size=4, unique=True),
    amount=st.floats(0, 1e6),
)
def test_the_canonical_form_of_a_badge_is_that_of_pyld(name, evidence, values, amount):
    description = [{"id": "urn:x:1", "name": name, "resultType": "Status", "allowedValue": values}, {"name": "b"}]
    achievement = an_achievement(name=name, resultDescription=description, creditsAvailable=amount)
    badge = a_badge(achievement=achievement, evidence=evidence)
    assert canonical.rdfc(badge) == _pyld_form(badge)


# Within one graph, for across graphs RDFC-1.0 leaves some names to the order of its input; and without statements
# of a node about itself, which PyLD counts twice.
_EDGES = st.tuples(st.sampled_from("abcdef"), st.sampled_from("pq"), st.sampled_from("abcdef")).filter(
    lambda edge: edge[0] != edge[2]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_EDGES, max_size=12))
def test_blank_nodes_are_named_as_pyld_names_them(edges):
    quads = [Quad(f"_:{s}", f"<urn:{p}>", f"_:{o}") for s, p, o in edges]
    lines = "".join(sorted({f"{quad.subject} {quad.predicate} {quad.object} .\n" for quad in quads}))
    options = {"algorithm": "URDNA2015", "inputFormat": "application/n-quads", "format": "application/n-quads"}
    assert canonicalize(quads) == pyld.normalize(lines, options)


@given(st.permutations("abcde"))
def test_the_names_of_blank_nodes_do_not_matter(names):
    renamed = dict(zip("abcde", names, strict=True))
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "e"), ("e", "d")]
    original = canonicalize(Quad(f"_:{s}", "<urn:p>", f"_:{o}") for s, o in edges)
    assert canonicalize(Quad(f"_:{renamed[s]}", "<urn:p>", f"_:{renamed[o]}") for s, o in edges) == original


def test_control_characters_are_escaped_as_rdfc_10_says():
    assert escape('\b\t\n\f\r"\\\x00\x0b\x1f\x7fé\x80') == '\\b\\t\\n\\f\\r\\"\\\\\\u0000\\u000B\\u001F\\u007Fé\x80'


def _clique(size):
    names = range(size)
    return [Quad(f"_:e{i}", "<urn:p>", f"_:e{j}") for i in names for j in names if i != j]


@pytest.mark.parametrize(
    "quads",
    [
        pytest.param(_clique(8), id="8-clique"),
        pytest.param(_clique(12), id="12-clique"),
        pytest.param([Quad(f"_:n{i}", "<urn:p>", f"_:n{(i + 1) % 250}") for i in range(250)], id="ring of 250"),
        pytest.param(
            [Quad(f"_:n{i}", "<urn:p>", f"_:n{(i + step) % 120}") for i in range(120) for step in (1, 7, 31)],
            id="circulant of 120",
        ),
    ],
)
def test_a_poison_graph_is_given_up(quads):
    # Unbounded it would take hours, and no test has as many.
    with pytest.raises(TooComplex):
        canonicalize(quads)


def test_forty_equal_blank_nodes_are_not_too_complex():
    twins = [{"name": "The same film", "narrative": "n"} for _ in range(40)]
    assert canonical.rdfc(a_badge(evidence=twins)).count("The same film") == 40


def test_the_order_of_members_does_not_matter_to_either_form():
    badge = a_badge()
    turned = _turned(badge)
    assert list(turned) != list(badge)
    assert canonical.rdfc(turned) == canonical.rdfc(badge)
    assert canonical.digest(turned) == canonical.digest(badge)


def _turned(value):
    if isinstance(value, dict):
        return {name: _turned(value[name]) for name in reversed(value)}
    return [_turned(item) for item in value] if isinstance(value, list) else value


def test_composed_and_decomposed_letters_stay_different():
    composed = a_badge(achievement=an_achievement(name="Café"))
    decomposed = a_badge(achievement=an_achievement(name=unicodedata.normalize("NFD", "Café")))
    assert canonical.rdfc(composed) != canonical.rdfc(decomposed)
    assert canonical.digest(composed) != canonical.digest(decomposed)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(["undefinedTerm"], "x", id="undefined term"),
        pytest.param(["credentialSubject", "name"], None, id="null"),
        pytest.param(["credentialSubject", "achievement", "tag"], [], id="empty array"),
        pytest.param(["credentialSubject", "achievement", "tag"], ["a", "a"], id="repeated item"),
        pytest.param(["credentialSubject", "achievement", "tag"], [["a"], "b"], id="array in array"),
        pytest.param(["credentialSubject", "achievement", "grade"], "A", id="undefined term inside"),
        pytest.param(["credentialSubject", "achievement", "image"], {"id": "image.png"}, id="relative id"),
        pytest.param(["credentialSubject", "achievement", "type"], ["Achievement", "Prize"], id="undefined type"),
        pytest.param(["credentialSubject", "id"], "_:b7", id="blank node id"),
        pytest.param(["id"], "https://x.example/> <urn:p> <urn:o> .\n<urn:s", id="quad put into an id"),
        pytest.param(["id"], "https://x.example/a b", id="space in an id"),
        pytest.param(["id"], "https://x.example/a\n", id="line feed in an id"),
        pytest.param(["credentialSubject", "id"], "urn:x\u00a0y", id="no-break space in an id"),
        pytest.param(["credentialSubject", "urn:x\u3000y"], "x", id="ideographic space in a name"),
        pytest.param(["credentialSubject", "achievement", 'https://x.example/> <urn:p> ""'], "x", id="quad in a name"),
        pytest.param(["name"], {"@value": "x"}, id="value object without language"),
        pytest.param(["name"], {"@value": "x", "@language": "en", "@direction": "up"}, id="direction"),
        pytest.param(["name"], {"@value": "x", "@language": "no language"}, id="language with a space"),
        pytest.param(["name"], {"@value": "x", "@language": "en", "x": "y"}, id="language value with more in it"),
        pytest.param(
            ["type", 1], "https://purl.imsglobal.org/spec/vc/ob/vocab.html#OpenBadgeCredential", id="URL of a type"
        ),
        pytest.param(["type", 1], "urn:own", id="type that a prefix could complete"),
        pytest.param(["issuer", "@index"], "1", id="index"),
        pytest.param(["@graph"], {"id": "urn:x:1", "name": "n"}, id="graph"),
        pytest.param(["credentialSubject", "@reverse"], {"issuer": {"id": "urn:x:1"}}, id="reverse"),
        pytest.param(["credentialSubject", "@context"], CREDENTIALS_V2, id="context of a part"),
        pytest.param(["credentialSubject", "@context"], [CREDENTIALS_V2, OPEN_BADGES_V3], id="contexts of a part"),
    ],
)
def test_what_a_signature_would_not_cover_is_data_loss(path, value):
    badge = a_badge()
    node = badge
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    with pytest.raises(DataLoss):
        canonical.rdfc(badge)


def test_a_text_with_its_language_is_covered():
    assert '"Feuer"@de' in canonical.rdfc(a_badge() | {"name": {"@value": "Feuer", "@language": "de"}})


@pytest.mark.parametrize(
    ("tags", "datatype"),
    [
        ({"@language": "ar", "@direction": "rtl"}, "ar_rtl"),
        ({"@language": "EN", "@direction": "ltr"}, "en_ltr"),
        ({"@direction": "rtl"}, "_rtl"),
    ],
)
def test_the_direction_of_a_text_is_covered_as_jsonld_signatures_covers_it(tags, datatype):
    named = a_badge() | {"name": {"@value": "Feuer", **tags}}
    assert f'"Feuer"^^<https://www.w3.org/ns/i18n#{datatype}>' in canonical.rdfc(named)


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param([{"name": str(n)} for n in range(jsonld.MAX_ITEMS + 1)], id="items"),
        pytest.param([{"name": str(n)} for n in range(jsonld.MAX_BLANK_NODES + 1)], id="blank nodes"),
        pytest.param([{"name": [f"{n} {m}" for m in range(200)]} for n in range(30)], id="values"),
    ],
)
def test_a_document_with_too_much_in_it_is_too_complex(evidence):
    with pytest.raises(TooComplex):
        canonical.rdfc(a_badge(evidence=evidence))


def test_a_document_nested_too_deep_is_too_complex():
    badge = a_badge()
    for _ in range(jsonld.MAX_DEPTH):
        badge = {"related": badge}
    with pytest.raises(TooComplex):
        canonical.rdfc(badge)


def test_what_processing_contexts_leaves_behind_changes_no_later_form():
    first = canonical.rdfc(a_badge())
    for broken in ({"@context": [OPEN_BADGES_V3]}, {"type": "Achievement"}, {"issuer": {"id": "x"}}):
        with pytest.raises(DataLoss):
            canonical.rdfc(a_badge() | broken | {"undefinedTerm": 1})
    canonical.rdfc(a_signed_badge())
    assert canonical.rdfc(a_badge()) == first == _pyld_form(a_badge())


@pytest.mark.parametrize("value", [float("nan"), 2**60, "\ud800", {"a": float("inf")}])
def test_json_without_a_canonical_form_is_malformed(value):
    with pytest.raises(MalformedJson):
        canonical.digest(value)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**60, 10**400, "\ud800"], ids=lambda value: repr(value)[:9]
)
@pytest.mark.parametrize("array", [False, True], ids=["alone", "in an array"])
def test_a_badge_that_json_cannot_carry_is_malformed_to_both_forms(value, array):
    badge = a_badge()
    badge["credentialSubject"]["achievement"]["tag"] = ["a", value] if array else value
    for form in (canonical.rdfc, canonical.jcs):
        with pytest.raises(MalformedJson):
            form(badge)
