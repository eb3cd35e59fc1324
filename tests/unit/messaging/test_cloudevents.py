"""The wire: whatever stands on the log is read, told as unknown, or told as ill-formed; nothing else comes out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import partition_of
from shared.messaging.cloudevents import IllFormed, UnknownType, decode
from shared.messaging.events import BY_TYPE, ISSUER_EVENTS, Message
from shared.messaging.ports import Partition, Received, Record
from tests.integration.messaging.builders import change, institution, record

NOW = datetime.now(UTC)


def received(one: Record) -> Received:
    """`one` as it comes back."""
    return Received(one.partition, 0, one.key, one.headers, one.value, NOW)


@pytest.mark.parametrize("message", [change(), institution()])
def test_what_was_encoded_is_decoded(message: Message) -> None:
    delivery = decode(received(record(message, traceparent=b"00-1-2-01")), NOW)
    assert delivery.message == message
    assert delivery.traceparent == "00-1-2-01"


def test_members_that_are_not_known_are_ignored() -> None:
    one = record(change())
    newer = Received(one.partition, 0, one.key, one.headers, one.value[:-1] + b',"more":1}', NOW)
    assert decode(newer, NOW).message.key == one.key.decode()


def test_an_unknown_type_is_told_from_an_ill_formed_record() -> None:
    with pytest.raises(UnknownType):
        decode(received(record(change(), ce_type=b"laurel.credential.praised.v1")), NOW)


def test_the_future_is_measured_by_the_given_clock() -> None:
    one = received(record(change()))
    assert decode(one, NOW - timedelta(hours=1))
    with pytest.raises(IllFormed, match="future"):
        decode(one, NOW - timedelta(days=2))


header_names = st.one_of(st.sampled_from([name for name, _ in record(change()).headers]), st.text(max_size=5))


@given(
    key=st.none() | st.binary(max_size=40),
    headers=st.lists(st.tuples(header_names, st.binary(max_size=30)), max_size=12),
    value=st.none() | st.binary(max_size=200),
)
def test_no_bytes_make_it_raise_anything_else(
    key: bytes | None, headers: list[tuple[str, bytes]], value: bytes | None
) -> None:
    base = dict(record(change()).headers)
    foreign = Received(Partition(ISSUER_EVENTS, 0), 0, key, tuple({**base, **dict(headers)}.items()), value, NOW)
    with pytest.raises((IllFormed, UnknownType)):
        decode(foreign, NOW)


plain = st.none() | st.booleans() | st.floats() | st.text(max_size=5)


@given(value=plain | st.lists(plain) | st.dictionaries(st.text(max_size=5), plain | st.lists(plain)))
def test_no_json_makes_it_raise_anything_else(value: Any) -> None:
    one = record(change())
    with pytest.raises(IllFormed):
        decode(Received(one.partition, 0, one.key, one.headers, orjson.dumps(value), NOW), NOW)


def test_types_are_named_once_and_a_keys_partition_is_fixed_for_ever() -> None:
    assert len(BY_TYPE) == len({each.__name__ for each in BY_TYPE.values()})
    assert partition_of("6f0cb0a1-6a4a-4a3c-9a2c-1f6f0a3f1b11") == 9
