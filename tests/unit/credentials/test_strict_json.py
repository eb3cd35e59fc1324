"""Foreign JSON is read only where every reader would understand the same document."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.errors import MalformedJson
from shared.credentials.strict_json import MAX_BYTES, MAX_DEPTH, MAX_INTEGER, read_json


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[" * 100 + b"]" * 100, id="100 deep"),
        pytest.param(b"[" * 500_000, id="endless depth"),
        pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, id="65 objects deep"),
        pytest.param(b"1" * 1_000_000, id="a million digits"),
        pytest.param(b'{"n": -' + b"9" * 17 + b"}", id="beyond 2^53"),
        pytest.param(b"1e400", id="1e400"),
        pytest.param(b"[NaN]", id="NaN"),
        pytest.param(b"[-Infinity]", id="Infinity"),
        pytest.param(b'{"a":1,"a":1}', id="duplicate member"),
        pytest.param(b'{"a":1,"\\u0061":2}', id="duplicate member, escaped"),
        pytest.param(b'{"x":{"a":1,"a":2}}', id="duplicate member inside"),
        pytest.param(b'["\\ud800"]', id="lone surrogate"),
        pytest.param(b'["\xed\xa0\x80"]', id="raw surrogate"),
        pytest.param(b'{"\\udc00":1}', id="lone surrogate in a name"),
        pytest.param(b'["\\u0000"]', id="NUL"),
        pytest.param(b'{"\\u0000":1}', id="NUL in a name"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'["\xff"]', id="not UTF-8"),
        pytest.param(b'"' + b'\\"' * 500_000, id="a megabyte of escaped quotation marks, never ended"),
        pytest.param(b'"\\' * 300_000, id="a megabyte of strings and backslashes"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"{} {}", id="two documents"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'["\t"]', id="raw control character"),
    ],
)
def test_what_readers_would_take_differently_is_malformed(raw):
    with pytest.raises(MalformedJson) as refusal:
        read_json(raw)
    assert refusal.value.code == "malformed"


def test_a_document_over_the_limit_is_too_large_before_it_is_read():
    with pytest.raises(MalformedJson) as refusal:
        read_json(b"[" * (MAX_BYTES + 1))
    assert refusal.value.code == "too_large"


def test_brackets_in_strings_are_no_depth():
    text = json.dumps(["[" * 1000, '"[' * 100, "\\[{" * 100])
    assert read_json(text.encode()) == json.loads(text)


def test_the_allowed_depth_is_read():
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda children: (
        st.lists(children) | st.dictionaries(st.text(st.characters(codec="ascii", min_codepoint=1)), children)
    ),
    max_leaves=20,
)


@given(_VALUES)
def test_every_interoperable_value_is_read_as_it_is(value):
    assert read_json(json.dumps(value).encode()) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_malformed(raw):
    try:
        read_json(raw)
    except MalformedJson:
        return
    json.loads(raw)


@pytest.mark.parametrize(
    "raw", [b'"\\u0000"', b'{"\\ud800": 1}', b'["a", {"b": "\\udc00\\ud800"}]', b'"\x00"', b'"\xed\xa0\x80"']
)
def test_nul_and_half_characters_are_refused_written_in_either_way(raw):
    with pytest.raises(MalformedJson):
        read_json(raw)


def test_brackets_in_texts_do_not_count_as_depth():
    text = "[{" * 200
    assert read_json(json.dumps([text, text]).encode()) == [text, text]
    with pytest.raises(MalformedJson):
        read_json(b"[" * 65 + b"]" * 65)
    assert read_json(b"[" * 64 + b"]" * 64) is not None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
        max_leaves=30,
    )
)
def test_what_is_read_here_any_other_parser_reads_alike(value):
    raw = json.dumps(value).encode()
    try:
        read = read_json(raw)
    except MalformedJson:
        return
    assert repr(orjson.loads(raw)) == repr(read)
