"""What standards give as an example comes out as they say: numbers in JSON, canonical statements, status lists."""

import json
import struct
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.canonical import jcs
from shared.credentials.errors import MalformedJson, TooComplex
from shared.credentials.rdf_canon import Quad, canonicalize
from shared.credentials.status import MIN_BITS, decode_list, encode_list, get_bit, set_bit
from tests.support.examples import examples

VECTORS = Path(__file__).parent / "vectors"
NUMBERS = json.loads((VECTORS / "rfc8785_numbers.json").read_text())
DATASETS = json.loads((VECTORS / "rdf_canon.json").read_text())
STATUS_LIST = json.loads((VECTORS / "bitstring_status_list.json").read_text())


def _double(bits):
    return struct.unpack(">d", bytes.fromhex(bits))[0]


@pytest.mark.parametrize(("bits", "text"), NUMBERS["numbers"])
def test_a_number_is_written_as_rfc_8785_writes_it(bits, text):
    assert jcs([_double(bits)]) == f"[{text}]".encode()


@pytest.mark.parametrize("bits", NUMBERS["refused"])
def test_what_is_no_number_has_no_canonical_form(bits):
    with pytest.raises(MalformedJson):
        jcs([_double(bits)])


_ODD = ["\ud800", "\x7f", "\u2028", "\ue000", "\U00010000", -0.0]
_NUMBERS = st.integers(-(2**54), 2**54) | st.floats() | st.floats(-2e15, 2e15) | st.floats(-0.01, 0.01)
_TEXTS = st.text() | st.text(st.characters(codec="ascii"))
_SCALARS = st.none() | st.booleans() | _NUMBERS | _TEXTS | st.sampled_from(_ODD)
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(_TEXTS | st.sampled_from("abc"), inner), max_leaves=20
)


@examples(150)
@given(_JSON)
def test_a_document_has_the_canonical_form_that_rfc8785_gives_it_or_none_by_either(document):
    try:
        expected = rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        with pytest.raises(MalformedJson):
            jcs(document)
    else:
        assert jcs(document) == expected


@pytest.mark.parametrize("document", [{1: "a"}, {"a": {None: 1}}, [{"a", "b"}], b"a", (1, 2), {"a": object()}])
def test_what_is_no_json_has_no_canonical_form_whoever_writes_it(document):
    try:
        expected = rfc8785.dumps(document)
    except rfc8785.CanonicalizationError:
        with pytest.raises(MalformedJson):
            jcs(document)
    else:
        assert jcs(document) == expected


def _quads(lines):
    return [Quad(*line.removesuffix(" .").split(" ")) for line in lines]


@pytest.mark.parametrize("case", DATASETS["cases"], ids=lambda case: case["name"])
@pytest.mark.parametrize("order", [1, -1], ids=["as given", "reversed"])
def test_a_dataset_has_the_canonical_form_of_the_test_suite(case, order):
    assert canonicalize(_quads(case["input"][::order]), case["hash"]).splitlines() == case["expected"]


def test_the_suites_clique_of_ten_is_refused_as_its_negative_test_asks():
    names = range(10)
    clique = [Quad(f"_:e{i}", "<http://example.org/vocab#p>", f"_:e{j}") for i in names for j in names if i != j]
    with pytest.raises(TooComplex):
        canonicalize(clique)


def test_a_statement_that_comes_twice_is_one():
    twice = [Quad("<urn:s>", "<urn:p>", '"o"')] * 2
    assert canonicalize(twice) == '<urn:s> <urn:p> "o" .\n'


def test_the_standards_status_list_is_read_and_ours_of_the_same_bits_holds_the_same():
    bits = decode_list(STATUS_LIST["encodedList"])
    assert len(bits) * 8 == MIN_BITS
    index = int(STATUS_LIST["entry"]["statusListIndex"])
    assert not get_bit(bits, index)
    assert decode_list(encode_list(bits)) == bits
    changed = bytearray(bits)
    set_bit(changed, index)
    assert get_bit(decode_list(encode_list(changed)), index)


@pytest.mark.parametrize("case", STATUS_LIST["with_bits_set"], ids=lambda case: str(case["set"]))
def test_an_entry_that_others_have_set_is_set_and_its_neighbours_and_mirror_images_are_not(case):
    bits = decode_list(case["encodedList"])
    index = case["set"]
    assert len(bits) * 8 == case["entries"]
    assert get_bit(bits, index)
    assert not any(get_bit(bits, other) for other in (case["clear"], index - 1, index + 1, index ^ 7))
    assert get_bit(decode_list(encode_list(bits)), index)
