"""Status lists keep every bit, are read in bounded memory, and an unreadable one is never "not revoked"."""

import gzip
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.credentials.canonical import rdfc
from shared.credentials.errors import InvalidStatusList
from shared.credentials.multibase import encode_base64url
from shared.credentials.permutation import permuted
from shared.credentials.status import (
    MAX_BYTES,
    MIN_BITS,
    decode_list,
    encode_list,
    get_bit,
    set_bit,
    status_entry,
    status_list_credential,
)
from tests.support.badges import LIST_URL, SIGNED_AT, a_key, a_signed_badge

SECRET = b"a secret of one list"
KNOWN_PLACES = [75612, 86872, 121408, 99234]  # of numbers 0, 1, 2 and the last


@settings(deadline=None)
@given(st.sets(st.integers(0, MIN_BITS - 1), max_size=20))
def test_a_list_comes_back_with_exactly_the_bits_that_were_set(indexes):
    bits = bytearray(MIN_BITS // 8)
    for index in indexes:
        set_bit(bits, index)
    read = decode_list(encode_list(bits))
    assert all(get_bit(read, index) for index in indexes)
    assert sum(byte.bit_count() for byte in read) == len(indexes)


def test_the_first_entry_is_the_left_most_bit_and_the_last_can_be_set():
    bits = bytearray(MIN_BITS // 8)
    set_bit(bits, 0)
    set_bit(bits, MIN_BITS - 1)
    assert (bits[0], bits[-1]) == (0b1000_0000, 0b0000_0001)


def test_clearing_an_entry_leaves_its_neighbours():
    bits = bytearray(b"\xff" * (MIN_BITS // 8))
    set_bit(bits, 9, False)
    assert bits[1] == 0b1011_1111
    assert get_bit(bits, 8)
    assert not get_bit(bits, 9)


@pytest.mark.parametrize("index", [-1, MIN_BITS, MIN_BITS + 1])
def test_an_index_outside_the_list_is_refused(index):
    for act in (get_bit, set_bit):
        with pytest.raises(InvalidStatusList):
            act(bytearray(MIN_BITS // 8), index)


def test_a_list_bomb_is_given_up_at_the_limit():
    with pytest.raises(InvalidStatusList) as refusal:
        decode_list(encode_base64url(gzip.compress(bytes(MAX_BYTES * 4))))
    assert refusal.value.code == "status_unverifiable"


def test_a_list_of_the_largest_size_is_read():
    assert len(decode_list(encode_list(bytes(MAX_BYTES)))) == MAX_BYTES


def _packed(bits):
    return gzip.compress(bits)


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(encode_base64url(_packed(bytes(MIN_BITS // 8 - 1))), id="too short"),
        pytest.param(encode_base64url(_packed(bytes(MIN_BITS // 8))[:-4]), id="cut off"),
        pytest.param(encode_base64url(_packed(bytes(MIN_BITS // 8)) + b"x"), id="something follows"),
        pytest.param(encode_base64url(_packed(bytes(MIN_BITS // 8)) * 2), id="two lists"),
        pytest.param(encode_base64url(bytes(MIN_BITS // 8)), id="not gzip"),
        pytest.param(_packed(bytes(MIN_BITS // 8)).hex(), id="not multibase"),
        pytest.param("u", id="empty"),
        pytest.param(None, id="nothing"),
        pytest.param(7, id="a number"),
    ],
)
def test_a_list_that_is_not_in_its_one_form_is_invalid(encoded):
    with pytest.raises(InvalidStatusList) as refusal:
        decode_list(encoded)
    assert refusal.value.code == "status_invalid"


def test_a_list_of_less_than_the_standards_minimum_is_not_made():
    with pytest.raises(InvalidStatusList):
        encode_list(bytes(MIN_BITS // 8 - 1))


def test_the_same_bits_give_the_same_text():
    assert encode_list(bytes(MIN_BITS // 8)) == encode_list(bytearray(MIN_BITS // 8))


def _list_credential():
    return status_list_credential(
        list_url=LIST_URL,
        issuer="did:web:badges.example:institutions:uni",
        purpose="revocation",
        bits=bytes(MIN_BITS // 8),
        valid_from=SIGNED_AT,
        valid_until=SIGNED_AT + timedelta(hours=1),
        ttl=timedelta(minutes=5),
    )


def test_a_list_credential_has_one_purpose_as_a_string_and_its_ttl_in_milliseconds():
    subject = _list_credential()["credentialSubject"]
    assert (subject["statusPurpose"], subject["ttl"]) == ("revocation", 300_000)
    assert not any(get_bit(decode_list(subject["encodedList"]), index) for index in (0, MIN_BITS - 1))


def test_a_list_credential_is_wholly_covered_by_its_signature():
    assert '"300000"^^<http://www.w3.org/2001/XMLSchema#integer>' in rdfc(_list_credential())


def test_an_entry_is_not_the_list_itself():
    entry = status_entry(LIST_URL, 94_567, "suspension")
    assert entry["id"] == f"{LIST_URL}#94567" != entry["statusListCredential"] == LIST_URL
    assert entry["statusListIndex"] == "94567"


def test_a_badge_has_one_entry_as_an_object_and_two_as_an_array():
    entries = [status_entry(LIST_URL, 1, "revocation"), status_entry(LIST_URL + "b", 2, "suspension")]
    assert a_signed_badge(a_key(), status=entries[:1])["credentialStatus"] == entries[0]
    assert a_signed_badge(a_key(), status=entries)["credentialStatus"] == entries


@pytest.mark.parametrize("size", [1, 2, 3, 100, 1024, 5000])
def test_every_number_has_a_place_of_its_own(size):
    assert {permuted(number, size, SECRET) for number in range(size)} == set(range(size))


@settings(deadline=None)
@given(
    st.integers(MIN_BITS, 4 * MIN_BITS),
    st.binary(min_size=16, max_size=64),
    st.lists(st.integers(0, MIN_BITS - 1), min_size=2, max_size=50, unique=True),
)
def test_no_two_numbers_of_a_whole_list_meet(size, secret, numbers):
    places = [permuted(number, size, secret) for number in numbers]
    assert len(set(places)) == len(numbers)
    assert all(0 <= place < size for place in places)


def test_places_tell_neither_the_order_nor_how_many_there_are():
    places = [permuted(number, MIN_BITS, SECRET) for number in range(1000)]
    rising = sum(a < b for a, b in pairwise(places))
    assert 400 < rising < 600
    assert max(places) > MIN_BITS * 0.9


def test_another_secret_gives_another_order():
    assert [permuted(n, MIN_BITS, SECRET) for n in range(9)] != [permuted(n, MIN_BITS, b"x" * 16) for n in range(9)]


def test_a_place_never_changes_for_lists_that_are_in_use():
    assert [permuted(number, MIN_BITS, SECRET) for number in (0, 1, 2, MIN_BITS - 1)] == KNOWN_PLACES


@pytest.mark.parametrize(("number", "secret"), [(-1, SECRET), (MIN_BITS, SECRET), (0, b"short"), (0, b"x" * 65)])
def test_a_number_or_secret_outside_its_range_is_refused(number, secret):
    with pytest.raises(ValueError, match="number"):
        permuted(number, MIN_BITS, secret)
