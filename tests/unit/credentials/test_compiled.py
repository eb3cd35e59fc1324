"""A known shape gives to the letter what JSON-LD gives, and leaves to JSON-LD whatever it does not know."""

from copy import deepcopy
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld as pyld

from shared.credentials import canonical, compiled, proofs
from shared.credentials.compiled import Shapes
from shared.credentials.contexts import CREDENTIALS_V2, pinned
from shared.credentials.errors import CredentialError, DataLoss
from shared.credentials.reading import PLAIN_SCHEMES, lexical
from tests.support.badges import SIGNED_AT, a_badge, a_key, a_method, an_achievement, at, paths
from tests.support.examples import examples
from tests.support.generated_badges import BADGES, IRI, NUMBER, TEXT
from tests.support.other_libraries import pyld_form


def _outcome(form, document):
    """What comes of a document: its form, or the kind and words of the refusal."""
    try:
        return form(document)
    except Exception as error:
        return type(error), str(error)


def _that_know(document):
    """Shapes that have seen the shape of a document twice."""
    shapes = Shapes()
    for _ in range(2):
        _outcome(shapes.rdfc, document)
    return shapes


# --- generated badges ------------------------------------------------------------------------------------------------

_IDS = frozenset({"id", "url", "targetUrl", "resultDescription", "requiredLevel", "achievedLevel"})


def _with_other_values(draw, value, name=""):
    """The same structure with other values at some of its places: a slot's, mostly."""
    if isinstance(value, dict) and name != "@context":
        return {each: _with_other_values(draw, member, each) for each, member in value.items()}
    if isinstance(value, list) and name not in ("type", "@context"):
        return [_with_other_values(draw, item, name) for item in value]
    if name in ("type", "@context", "@language", "@direction", "hashed") or not draw(st.booleans()):
        return value
    if isinstance(value, float | int):
        return draw(NUMBER)
    return draw(IRI if name in _IDS else TEXT)


@st.composite
def _two_of_a_structure(draw):
    badge = draw(BADGES)
    return badge, _with_other_values(draw, badge)


def test_what_was_learnt_from_one_badge_gives_the_form_of_another_or_its_refusal():
    forms = served = 0

    @settings(max_examples=100, deadline=None)
    @given(_two_of_a_structure())
    def look(badges):
        nonlocal forms, served
        first, second = badges
        shapes = _that_know(first)
        for badge, times in ((first, 1), (second, 3)):  # another shape of this structure is learnt on the way
            wanted = _outcome(canonical.rdfc, deepcopy(badge))
            for _ in range(times):
                before = shapes.served
                assert _outcome(shapes.rdfc, deepcopy(badge)) == wanted
            forms += isinstance(wanted, str)
            served += shapes.served - before

    look()
    assert served > 0.8 * forms > 80, "what this shows is shown of templates"


def test_the_form_of_a_known_shape_is_that_of_pyld():
    forms = served = 0

    @settings(max_examples=40, deadline=None)
    @given(BADGES)
    def look(badge):
        nonlocal forms, served
        shapes = _that_know(badge)
        form = _outcome(shapes.rdfc, badge)
        if isinstance(form, str):  # else refused, which PyLD's own loss of members is not
            assert form == pyld_form(badge)
            forms, served = forms + 1, served + shapes.served

    look()
    assert served > 0.8 * forms > 20, "what this shows is shown of templates"


_SCALARS = st.sampled_from(
    [None, True, 1, 2.5, 10**30, float("nan"), "", "a", "_:b1", "relative", "schema:x", "\ud800"]
)
_ODD = _SCALARS | st.sampled_from([[], {}, ["a", "a"], [["a"]], {"id": "urn:x:1"}, {"@value": "a"}, ["Profile"]])


@examples(60)
@given(st.data())
def test_a_badge_with_one_odd_value_comes_to_what_it_comes_to_without_shapes(data):
    badge = deepcopy(_KNOWN)
    path = data.draw(st.sampled_from(list(paths(badge))[1:]))
    node = at(badge, path[:-1])
    node[path[-1]] = data.draw(_ODD)
    if isinstance(node, dict) and data.draw(st.booleans()):
        node["undefinedTerm"] = "x"
    # Learnt from now on are odd ones too, by one thing that sees all examples.
    assert _outcome(_SHAPES.rdfc, badge) == _outcome(canonical.rdfc, badge)
    assert _SHAPES.rdfc(_KNOWN) == _KNOWN_FORM


_KNOWN = a_badge()
_KNOWN_FORM = canonical.rdfc(_KNOWN)
_SHAPES = _that_know(_KNOWN)


# --- what is a slot, and what is not ---------------------------------------------------------------------------------


def _altered(path, value):
    badge = a_badge()
    at(badge, path[:-1])[path[-1]] = value
    return badge


_ACHIEVED = ("credentialSubject", "achievement")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("id",), "urn:uuid:7", id="id"),
        pytest.param(("name",), 'Ünï "quoted"\n\\ \x7f\x00', id="text with escapes"),
        pytest.param(("name",), "_:b0", id="text like a blank node"),
        pytest.param(("name",), "@type", id="text like a keyword"),
        pytest.param((*_ACHIEVED, "creditsAvailable"), 1e-7, id="number"),
        pytest.param((*_ACHIEVED, "tag", 0), "a zebra", id="items that change their order"),
        pytest.param(("evidence", 1, "narrative"), "x" * 100_000, id="long text"),
        pytest.param(("validFrom",), "0001-01-01T00:00:00Z", id="date"),
    ],
)
def test_a_badge_with_another_value_in_a_slot_is_answered_by_its_shape(path, value):
    shapes = _that_know(a_badge())
    badge = _altered(path, value)
    assert shapes.rdfc(badge) == canonical.rdfc(badge)
    assert shapes.served == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("type", 1), "AchievementCredential", id="type"),
        pytest.param((*_ACHIEVED, "creator", "id"), "https://other.example", id="ids no longer equal"),
        pytest.param(("id",), a_badge()["issuer"]["id"], id="two ids equal"),
        pytest.param((*_ACHIEVED, "creditsAvailable"), 2, id="integer for a number with a fraction"),
        pytest.param((*_ACHIEVED, "creditsAvailable"), 2.0, id="whole number for one with a fraction"),
        pytest.param((*_ACHIEVED, "creditsAvailable"), "2.5", id="text for a number"),
        pytest.param(("credentialSubject", "identifier", 0, "hashed"), False, id="boolean"),
        pytest.param(("credentialSubject", "identifier", 0, "hashed"), 1, id="one for true"),
        pytest.param(("id",), "schema:x", id="compact id"),
        pytest.param(("name",), {"@value": "x", "@language": "de"}, id="language"),
        pytest.param(("evidence",), [{"type": ["Evidence"], "narrative": "n"}], id="one item less"),
    ],
)
def test_a_badge_of_another_shape_is_not_answered_by_one_that_is_known(path, value):
    shapes = _that_know(a_badge())
    badge = _altered(path, value)
    assert _outcome(shapes.rdfc, badge) == _outcome(canonical.rdfc, badge)
    assert shapes.served == 0


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param((*_ACHIEVED, "tag", 0), "safety", id="repeated item of a set"),
        pytest.param((*_ACHIEVED, "resultDescription", 0, "allowedValue", 0), "B", id="repeated item of a list"),
        pytest.param(("credentialSubject", "id"), "_:b7", id="blank node id"),
        pytest.param(("id",), "https://x.example/> <urn:p> <urn:o> .\n<urn:s", id="quad put into an id"),
        pytest.param(("id",), "urn:x\u00a0y", id="white space in an id"),
        pytest.param(("id",), "https://a.example/\nhttps://b.example/", id="line feed in an id"),
        pytest.param(("id",), "image.png", id="relative id"),
        pytest.param(("name",), None, id="null"),
        pytest.param((*_ACHIEVED, "tag"), [], id="empty array"),
        pytest.param((*_ACHIEVED, "undefinedTerm"), "x", id="undefined term"),
    ],
)
def test_what_is_data_loss_stays_data_loss_where_the_shape_is_known(path, value):
    shapes = _that_know(a_badge())
    for _ in range(3):
        with pytest.raises(DataLoss):
            shapes.rdfc(_altered(path, value))
    assert shapes.served == 0


def _evidence(*narratives):
    return a_badge(evidence=[{"narrative": narrative} for narrative in narratives])


def test_blank_nodes_that_look_alike_are_told_apart_by_the_full_algorithm():
    shapes = _that_know(_evidence("a", "b", "c"))
    for narratives in ("xyz", "zyx", "xxx", "yxy"):
        badge = _evidence(*narratives)
        assert shapes.rdfc(badge) == canonical.rdfc(badge) == pyld_form(badge)
    assert shapes.served == 4


def test_equal_statements_of_two_objects_with_one_id_are_one_statement():
    issuer = a_badge()["issuer"]

    def badge(name):
        return a_badge() | {"issuer": issuer | {"name": name}, "credentialSubject": _subject(creator={**issuer})}

    def _subject(**members):
        subject = a_badge()["credentialSubject"]
        return subject | {"achievement": subject["achievement"] | members}

    shapes = _that_know(badge("One"))
    for name in ("Two", issuer["name"], "A"):
        assert shapes.rdfc(badge(name)) == canonical.rdfc(badge(name))
    assert shapes.served == 3


def test_items_of_one_id_are_compared_as_wholes():
    def badge(first, second):
        described = [
            {"id": "urn:x:1", "type": ["ResultDescription"], "allowedValue": values} for values in (first, second)
        ]
        return a_badge(achievement=an_achievement(resultDescription=described))

    shapes = _that_know(badge(["A", "B"], ["A", "C"]))
    with pytest.raises(DataLoss):
        shapes.rdfc(badge(["A", "B"], ["A", "B"]))


def test_no_scheme_of_a_slot_is_a_term_of_a_pinned_context():
    def names(value):
        if isinstance(value, dict):
            yield from value
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from names(inner)

    assert not set(PLAIN_SCHEMES) & {name for context in pinned().values() for name in names(context)}


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()))
def test_numbers_are_written_as_pyld_writes_them(number):
    assert lexical(number) == pyld._canonicalize_double(number)


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_documents_of_many_shapes_leave_no_more_behind_than_was_allowed():
    shapes = Shapes(max_shapes=3)
    for count in range(1, 6):
        for _ in range(2):
            shapes.rdfc(_evidence(*(str(number) for number in range(count))))
        assert len(shapes) <= 3
    assert shapes.rdfc(a_badge()) == canonical.rdfc(a_badge())


def test_shape_after_shape_is_learnt_from_few_of_the_documents(monkeypatch):
    monkeypatch.setattr(compiled, "_AT_ONCE", 2)
    shapes = Shapes()
    for number in range(40):
        document = {"@context": [CREDENTIALS_V2], "id": "urn:x:1", "type": ["VerifiableCredential"], "name": {}}
        document["name"] = {"@value": "x", "@language": "abcdefgh"[: number % 8 + 1]}
        document["credentialSubject"] = [{"id": f"urn:x:{other}"} for other in range(number // 8 + 1)]
        shapes.rdfc(document)
    assert len(shapes) <= 3


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_writes_as_null_is_not_taken_for_null(value):
    shapes = _that_know(_altered(("name",), value))
    with pytest.raises(DataLoss):
        shapes.rdfc(_altered(("name",), None))


def test_other_contexts_than_the_pinned_are_left_to_json_ld():
    shapes = _that_know(a_badge())
    assert shapes.rdfc(a_badge(), dict(pinned())) == canonical.rdfc(a_badge())
    assert shapes.served == 0


def test_the_order_of_members_is_of_no_consequence():
    shapes = _that_know(a_badge())
    turned = dict(reversed(a_badge().items()))
    for _ in range(3):
        assert shapes.rdfc(turned) == canonical.rdfc(a_badge())
    assert shapes.served == 1


# --- proofs ----------------------------------------------------------------------------------------------------------


def test_badges_signed_and_verified_by_shapes_are_those_of_json_ld():
    key, shapes = a_key(), Shapes()
    for number in range(6):
        badge = a_badge(credential_id=f"https://badges.example/credentials/{number}")
        signed = proofs.sign(badge, key, a_method(key), SIGNED_AT, shapes=shapes)
        assert signed == proofs.sign(badge, key, a_method(key), SIGNED_AT)
        assert proofs.verify(signed, lambda *_: key.public_key(), shapes)[0].code == "signed"
        signed["name"] = "Another"
        assert proofs.verify(signed, lambda *_: key.public_key(), shapes)[0].code == "tampered"
    assert shapes.served > 12  # of 18 forms of badges, those of the first documents were not


def test_refusals_are_those_of_json_ld_for_what_is_no_document_at_all():
    for document in ({}, {"@context": []}, {"id": "urn:x:1"}, {"@context": 7}, {"@context": CREDENTIALS_V2}):
        assert _outcome(Shapes().rdfc, document) == _outcome(canonical.rdfc, document)
    with pytest.raises(CredentialError):
        Shapes().rdfc({"@context": "https://unknown.example"})


def test_the_options_of_a_proof_are_told_apart_by_all_that_json_tells_apart_and_few_are_kept():
    shapes = Shapes()
    options = {"@context": [CREDENTIALS_V2], "type": "DataIntegrityProof", "created": "2026-11-22T10:00:00Z"}
    for number in range(200):
        other = options | {"nonce": str(number)}
        wanted = sha256(canonical.rdfc(other).encode()).digest()
        assert shapes.options_digest(other) == shapes.options_digest(dict(reversed(other.items()))) == wanted
    assert len(shapes._options) <= 64
    for odd in (float("nan"), None, 10**400, "\ud800", []):
        for _ in range(2):
            with pytest.raises(CredentialError):
                shapes.options_digest(options | {"nonce": odd})
