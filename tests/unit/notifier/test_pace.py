"""Slots: as many as the limit at once, then one after the other, and each mail is given one once."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.pace import BUSY, HOUR, MINUTE, Key, Pace, Paced, plan, slot

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADDRESS, DOMAIN = Key("address", b"a"), Key("domain", b"d")
PACE = Pace(to_address=3, to_domain=100, domain_at_once=50)


def mails(count: int, slotted: bool = False) -> list[Paced]:
    return [Paced(uuid4(), ADDRESS, DOMAIN, slotted) for _ in range(count)]


def free() -> dict[Key, datetime]:
    return {ADDRESS: NOW, DOMAIN: NOW}


def test_an_address_gets_its_hours_mails_at_once_and_then_one_each_part_of_it() -> None:
    due = mails(5)
    made = plan(due, free(), Counter(), PACE, NOW, 100)
    assert list(made.now) == due[:3]
    assert list(made.later.values()) == [NOW + HOUR / 3, NOW + 2 * HOUR / 3]


def test_what_has_had_its_slot_is_given_none_again() -> None:
    due, free_at = mails(5, slotted=True), free()
    assert list(plan(due, free_at, Counter(), PACE, NOW, 100).now) == due
    assert free_at == free()


def test_a_domain_whose_connections_are_in_use_is_waited_for() -> None:
    due = mails(3, slotted=True)
    made = plan(due, free(), Counter({DOMAIN: 49}), PACE, NOW, 100)
    assert list(made.now) == due[:1]
    assert set(made.later.values()) == {NOW + BUSY}


def test_once_there_is_no_room_the_rest_is_left_as_it_is() -> None:
    due, free_at = mails(3), free()
    made = plan(due, free_at, Counter(), PACE, NOW, room=1)
    assert (list(made.now), made.later) == (due[:1], {})
    assert free_at[ADDRESS] == NOW + HOUR / 3


@given(limit=st.integers(1, 50), gaps=st.lists(st.integers(0, 120), max_size=200))
def test_no_window_has_more_than_twice_the_limit_and_no_mail_waits_without_need(limit: int, gaps: list[int]) -> None:
    """The burst and what flows after it; in the long run the limit."""
    now, free_at, sent = NOW, NOW, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        at, free_at = slot(free_at, now, limit, MINUTE)
        assert at >= now
        sent.append(at)
    for first in sent:
        assert sum(first <= each < first + MINUTE for each in sent) <= 2 * limit
    for index in range(min(limit, len(sent))):
        assert sent[index] == NOW + timedelta(seconds=sum(gaps[: index + 1]))
