"""Whatever is sent as a cursor gives a place in a list, or is refused; nothing else ever comes of it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared import errors
from shared.web import pagination

TENANT, LIST = UUID(int=1), "credentials"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=40) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
INSTANTS = st.datetimes(
    timezones=st.timezones() | st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))
)
TIMES = INSTANTS.map(datetime.isoformat) | st.datetimes().map(datetime.isoformat) | JSON
IDS = st.uuids().map(str) | JSON


def test_a_cursor_leads_behind_the_last_row_of_a_full_page_and_there_is_none_after_the_last() -> None:
    rows = [(datetime(2026, 11, 22, hour, tzinfo=UTC), uuid4()) for hour in range(3)]
    assert pagination.following(rows, 4, TENANT, LIST, tuple) is None
    assert pagination.following([], 4, TENANT, LIST, tuple) is None
    text = pagination.following(rows, 3, TENANT, LIST, tuple)
    assert pagination.place(text, TENANT, LIST) == rows[-1]
    only_ids = pagination.following(rows, 3, TENANT, LIST, lambda row: (row[1],))
    assert pagination.place_by_id(only_ids, TENANT, LIST) == rows[-1][1]


def test_without_a_cursor_a_list_begins_at_its_beginning() -> None:
    assert pagination.place(None, TENANT, LIST) is None
    assert pagination.place_by_id(None, TENANT, LIST) is None


@pytest.mark.parametrize("read", [pagination.place, pagination.place_by_id])
def test_another_tenants_cursor_is_not_found_and_another_lists_is_malformed(read: Any) -> None:
    text = pagination.cursor(TENANT, LIST, datetime.now(UTC), uuid4())
    with pytest.raises(errors.NotFound):
        read(text, uuid4(), LIST)
    with pytest.raises(errors.Malformed):
        read(text, TENANT, "deliveries")


@given(st.text(max_size=200))
@example("")
@example("\ud800")
def test_any_text_is_refused(text: str) -> None:
    for read in (pagination.place, pagination.place_by_id):
        with pytest.raises((errors.Malformed, errors.NotFound)):
            read(text, TENANT, LIST)


@given(st.lists(TIMES | IDS, max_size=3) | st.tuples(TIMES, IDS))
@example(["9999-12-31T23:59:59-14:00", str(TENANT)])
@example(["0001-01-01T00:00:00+23:59", str(TENANT)])
@example(["0001-01-01T00:00:00", str(TENANT)])
@example([["x"], ["x"]])
def test_whatever_a_cursor_holds_it_gives_a_time_in_utc_and_an_id_or_is_malformed(values: Any) -> None:
    try:
        place = pagination.place(pagination.cursor(TENANT, LIST, *values), TENANT, LIST)
    except errors.Malformed:
        return
    assert place is not None
    time, row_id = place
    assert time.utcoffset() == timedelta(0)
    assert row_id == UUID(values[1])


@given(st.lists(IDS, max_size=2))
@example([["x"]])
def test_whatever_a_cursor_holds_it_gives_an_id_or_is_malformed(values: Any) -> None:
    try:
        found = pagination.place_by_id(pagination.cursor(TENANT, LIST, *values), TENANT, LIST)
    except errors.Malformed:
        return
    assert [found] == [UUID(each) for each in values]
