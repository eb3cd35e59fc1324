"""A trace in the order in which a person reads it, and in words."""

import pytest

from console.spans import Span
from console.story import badge_id, told
from console.waterfall import in_log, title, waterfall
from tests.unit.console.builders import BADGE, SECOND, span, trace


def named(name: str, parent: Span | None = None, start: int = 0, end: int = 10) -> Span:
    parent_id = parent.span_id if parent else None
    return span("a" * 32, name=name, parent_id=parent_id, start_ns=SECOND + start, end_ns=SECOND + end)


def order(*spans: Span) -> list[tuple[str, int]]:
    return [(line.span.name, line.depth) for line in waterfall(spans)]


def test_each_span_stands_below_its_parent_and_siblings_by_their_starts() -> None:
    root = named("root")
    late, early = named("late", root, start=5), named("early", root, start=1)
    below = named("below", early, start=7)
    assert order(below, late, root, early) == [("root", 0), ("early", 1), ("below", 2), ("late", 1)]


def test_times_are_told_from_the_first_spans_begin() -> None:
    root = named("root", start=0, end=4_500_000)
    child = named("child", root, start=1_250_000, end=2_000_000)
    assert [(line.offset_ms, line.duration_ms) for line in waterfall([child, root])] == [(0.0, 4.5), (1.25, 0.75)]


def test_a_span_whose_parent_is_not_here_begins_anew() -> None:
    lost = named("lost")
    assert order(named("orphan", lost, start=3), named("root")) == [("root", 0), ("orphan", 0)]


def test_every_span_is_shown_once_even_where_a_forger_makes_them_each_others_parents() -> None:
    first, second = named("first"), named("second", start=1)
    circle = [
        span("a" * 32, span_id=first.span_id, parent_id=second.span_id, name="first"),
        span("a" * 32, span_id=second.span_id, parent_id=first.span_id, name="second", start_ns=SECOND + 1),
    ]
    own = span("a" * 32, span_id="1" * 16, parent_id="1" * 16, name="own")
    assert sorted(name for name, _ in order(*circle, own)) == ["first", "own", "second"]


def test_a_deep_trace_is_shown_to_its_end() -> None:
    spans = [named("0")]
    for number in range(1, 500):
        spans.append(named(str(number), spans[-1], start=number))
    assert order(*spans)[-1] == ("499", 499)


def test_the_time_in_the_log_is_from_the_sending_to_the_handling() -> None:
    sent = span(kind="producer", end_ns=2 * SECOND, attributes={"messaging.message.id": "m"})
    taken = span(
        kind="consumer", start_ns=2 * SECOND + 7_000_000, end_ns=3 * SECOND, attributes={"messaging.message.id": "m"}
    )
    assert in_log([taken, sent]) == {taken.span_id: 7.0}
    assert in_log([taken]) == {}


@pytest.mark.parametrize(
    ("name", "attributes", "words"),
    [
        ("POST /v1/credentials", {}, "Issued"),
        ("POST /v1/credentials/{credential_id}/revoke", {}, "Revoked"),
        ("publish issuer.events.v1", {"laurel.event_type": "laurel.credential.issued.v1"}, "Issued"),
        ("POST /v1/ops/replay", {}, "Told of"),
    ],
)
def test_a_trace_is_named_by_what_was_asked_for(name: str, attributes: dict[str, str], words: str) -> None:
    assert title(trace(span(name=name, attributes=attributes)), {}) == words


def test_what_the_registrys_history_says_of_a_trace_comes_first() -> None:
    assert title(trace(span(name="POST /v1/credentials")), {"a" * 32: "suspended"}) == "Suspended"


def test_a_verification_is_named_by_its_verdict() -> None:
    assert title(trace(span(attributes={"laurel.verdict": "invalid"}), verifies=True), {}) == "Verified: not valid"


def test_statements_to_a_database_are_told_apart_from_steps() -> None:
    statement = span(name="select", attributes={"db.system": "postgresql"})
    made = told(trace(span(name="verify"), statement), {}, None)
    assert ([line.span.name for line in made.steps], len(made.lines)) == (["verify"], 2)


@pytest.mark.parametrize(
    "text",
    [
        BADGE,
        f"  {BADGE.upper()}\n",
        f"urn:uuid:{BADGE}",
        f"https://badges.example/credentials/{BADGE}",
        f"https://badges.example/credentials/{BADGE}.json?owner=token",
        f"https://badges.example/v1/credentials/{BADGE}/",
    ],
)
def test_a_badges_id_is_found_in_what_people_paste(text: str) -> None:
    assert str(badge_id(text)) == BADGE


@pytest.mark.parametrize(
    "text", ["", "hello", BADGE[:-1], f"{BADGE}0", f"https://x.example/{BADGE}", "x" * 10_000, "\x00"]
)
def test_and_in_nothing_else(text: str) -> None:
    assert badge_id(text) is None
