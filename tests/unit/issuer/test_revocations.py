"""A confirmation is good for what its preview has shown, and for nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.revocations import digest, pace, step
from services.issuer.domain.selection import Selection
from shared.errors import Conflict
from shared.messaging.events import Reason
from tests.support.examples import examples

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
WITHDRAWN = Reason(code="withdrawn")
BADGES = bytes(32)
SELECTIONS = st.builds(
    Selection,
    ids=st.none() | st.lists(st.uuids(), min_size=1).map(tuple),
    achievement_id=st.none() | st.uuids(),
    signing_key_id=st.none() | st.uuids(),
    issued_from=st.none() | st.datetimes(timezones=st.just(UTC)),
    issued_to=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@examples(100)
@given(selection=SELECTIONS, other=SELECTIONS)
def test_two_selections_have_one_digest_only_where_they_select_by_the_same(
    selection: Selection, other: Selection
) -> None:
    same = selection.digested() == other.digested()
    assert (digest(selection, WITHDRAWN, BADGES, reissue=False) == digest(other, WITHDRAWN, BADGES, reissue=False)) is (
        same
    )


@examples(50)
@given(ids=st.lists(st.uuids(), min_size=1), shuffled=st.randoms())
def test_order_and_repetition_of_ids_are_no_part_of_it(ids: list[UUID], shuffled: Any) -> None:
    again = ids + ids[:1]
    shuffled.shuffle(again)
    one, other = Selection(ids=tuple(ids)), Selection(ids=tuple(again))
    assert digest(one, WITHDRAWN, BADGES, reissue=False) == digest(other, WITHDRAWN, BADGES, reissue=False)
    assert one.described() == other.described() == {"ids": len(set(ids))}


def test_reason_note_badges_and_what_follows_are_part_of_it() -> None:
    selection = Selection(issued_from=NOON)
    made = {
        digest(selection, WITHDRAWN, BADGES, reissue=False),
        digest(selection, Reason(code="other", note="a"), BADGES, reissue=False),
        digest(selection, Reason(code="other", note="b"), BADGES, reissue=False),
        digest(selection, WITHDRAWN, b"\1" * 32, reissue=False),
        digest(selection, WITHDRAWN, BADGES, reissue=True),
        digest(replace(selection, issued_from=NOON + timedelta(seconds=1)), WITHDRAWN, BADGES, reissue=False),
        digest(Selection(issued_to=NOON), WITHDRAWN, BADGES, reissue=False),
    }
    assert len(made) == 7


def test_one_that_has_ended_moves_no_more_and_repeating_a_command_does_nothing() -> None:
    assert step("running", "pause") == "paused"
    assert step("paused", "resume") == "running"
    assert step("paused", "pause") is step("running", "resume") is step("cancelled", "cancel") is None
    for command in ("pause", "resume", "cancel"):
        with pytest.raises(Conflict, match="done"):
            step("done", command)  # type: ignore[arg-type]  # each of them


def test_the_rate_counts_from_when_it_was_resumed() -> None:
    row = {
        "state": "running",
        "badges": 1000,
        "revoked": 500,
        "already_revoked": 100,
        "resumed_at": NOON.astimezone(timezone(timedelta(hours=2))),
        "resumed_with": 400,
    }
    found = pace(row, NOON + timedelta(seconds=10))
    assert (found.rate, found.seconds_left) == (20.0, 20)
    for members in ({"state": "paused"}, {"resumed_with": 600}):
        assert pace({**row, **members}, NOON + timedelta(seconds=10)).rate is None
