"""What the registry decides."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.rules import LISTS_KEPT, VersionMissing, change_of, check_as_of, news, recorded_event_id
from shared.errors import Malformed, NotFound
from shared.ids import new_id
from tests.integration.registry.builders import Badge, verification
from tests.support.records import delivery

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def changes(badge: Badge) -> list:
    return [change_of(delivery(message)) for message in badge.life()]


def test_every_version_is_news_once_and_in_order():
    life = changes(Badge())
    assert news({}, life) == life
    assert news({life[0].credential_id: 2}, life) == life[2:]


def test_a_version_without_its_predecessor_is_refused():
    life = changes(Badge())
    with pytest.raises(VersionMissing):
        news({}, life[1:])
    with pytest.raises(VersionMissing):
        news({life[0].credential_id: 1}, [life[2]])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=40))
def test_whatever_comes_versions_are_recorded_from_1_without_a_gap(arrivals):
    lives = [changes(Badge()) for _ in range(3)]
    recorded = {}
    for badge, version in arrivals:
        change = lives[badge][version]
        before = recorded.get(change.credential_id, 0)
        try:
            new = news(recorded, [change])
        except VersionMissing:
            assert change.version > before + 1
            continue
        assert [each.version for each in new] == ([before + 1] if change.version == before + 1 else [])
        recorded.update({each.credential_id: each.version for each in new})


def test_an_event_that_changes_no_credential_changes_nothing():
    assert change_of(delivery(verification(None))) is None


def test_the_id_of_recorded_follows_from_the_event_that_it_answers():
    event, other = new_id(), new_id()
    assert recorded_event_id(event) == recorded_event_id(event) != recorded_event_id(other)


def test_a_list_is_told_as_of_any_time_that_is_over_and_not_too_long_ago():
    check_as_of(NOW, NOW)
    check_as_of(NOW + timedelta(seconds=29), NOW)  # their clock may be ahead of ours
    check_as_of(NOW - LISTS_KEPT, NOW)
    with pytest.raises(Malformed):
        check_as_of(NOW + timedelta(seconds=31), NOW)
    with pytest.raises(NotFound):
        check_as_of(NOW - LISTS_KEPT - timedelta(seconds=1), NOW)
