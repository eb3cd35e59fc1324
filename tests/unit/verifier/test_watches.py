"""A watch tells of each change of the answer and of nothing else: what is told is the fold of what was certain."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.domain.history import Change as Entry
from services.verifier.domain.known import Recorded
from services.verifier.domain.watches import UNDECIDED, Answer, Kind, Watched, answer, change, subjects
from shared.credentials.checks import within_dates
from shared.messaging.events import CredentialState, InstitutionState, SigningKeyState, WatchTriggered
from tests.support.examples import examples
from tests.unit.verifier.test_judgement import (
    AN_HOUR_AGO,
    BADGE,
    FRESH,
    KEY,
    KNOWN,
    METHOD,
    NOW,
    OAK,
    OAK_COLLEGE,
    OAK_KEY,
    RULES,
    STALE,
    verdict,
)

DAY = timedelta(days=1)
VALID = Answer("valid", None, "registered")
WATCHED = Watched(BADGE, [METHOD], AN_HOUR_AGO, valid_from=NOW + DAY, valid_until=NOW + 3 * DAY)


@dataclass(frozen=True)
class World:
    """How things stand, and whether that is known now."""

    status: str = "issued"
    standing: str = "registered"
    key_withdrawn: bool = False
    days: float = 2
    fresh: bool = True

    def known(self):
        """What the verifier has of it."""
        now = NOW + self.days * DAY
        retired = AN_HOUR_AGO - DAY if self.key_withdrawn else None
        return replace(
            KNOWN,
            now=now,
            issuer=replace(OAK_COLLEGE, standing=self.standing),
            keys=(replace(OAK_KEY, retired_at=retired),),
            recorded=Recorded(BADGE, OAK, self.status, "d1", history=(Entry(1, "issued", AN_HOUR_AGO),)),
            heard={shard: time + self.days * DAY for shard, time in (FRESH if self.fresh else STALE).items()},
        )

    def answer(self):
        """The answer, by what is written down here alone."""
        reasons = {
            "key_retired": self.key_withdrawn,
            "revoked": self.status == "revoked",
            "suspended": self.status == "suspended",
            "expired": self.days >= 3,
            "not_yet_valid": self.days < 1,
        }
        reason = next((each for each, holds in reasons.items() if holds), None)
        standing = "registered" if self.standing == "registered" else "unknown"
        return Answer("invalid" if reason else "valid", reason, standing)


WORLDS = st.builds(
    World,
    st.sampled_from(["issued", "suspended", "revoked"]),
    st.sampled_from(["registered", "withdrawn"]),
    st.booleans(),
    st.sampled_from([0.5, 2, 4]),
    st.booleans(),
)


def told(beginning, worlds):
    """What is told of a watch, as its worker does."""
    last, changes = beginning, []
    for world in worlds:
        known = world.known()
        found = answer(WATCHED, known, RULES)
        if found is not None:
            if changed := change(last, found, WATCHED, known):
                changes.append((changed.kind, found))
            last = found
    return changes


@given(WORLDS, st.lists(WORLDS, max_size=12))
@examples(200)
def test_what_is_told_is_each_change_of_the_certain_answers_and_no_other(first, worlds):
    beginning = answer(WATCHED, first.known(), RULES) or UNDECIDED
    assert beginning == (first.answer() if first.fresh else UNDECIDED)
    hoped = VALID if beginning == UNDECIDED else beginning
    certain = [each for each, _ in groupby([hoped, *(world.answer() for world in worlds if world.fresh)])]
    changes = told(beginning, worlds)
    assert [found for _, found in changes] == certain[1:]
    assert {kind for kind, _ in changes} <= set(get_args(Kind))


@given(st.lists(WORLDS, max_size=8), st.lists(st.integers(0, 3), min_size=8, max_size=8))
@examples(100)
def test_looking_more_often_tells_nothing_more(worlds, times):
    often = [world for world, n in zip(worlds, times, strict=False) for world in [world] * (n + 1)]
    assert told(VALID, often) == told(VALID, worlds)


@given(WORLDS)
@examples(100)
def test_the_answer_is_the_one_that_a_verification_gives(world):
    known = world.known()
    found = answer(WATCHED, known, RULES)
    dates = within_dates(WATCHED.valid_from, WATCHED.valid_until, known.now)
    assert found is None or (found.verdict, found.reason) == verdict(known, dates=dates, status=())


SUSPENDED, REVOKED = Answer("invalid", "suspended", "registered"), Answer("invalid", "revoked", "registered")
NOT_YET = Answer("invalid", "not_yet_valid", "registered")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (VALID, REVOKED, "revoked"),
        (VALID, SUSPENDED, "suspended"),
        (SUSPENDED, VALID, "reinstated"),
        (SUSPENDED, REVOKED, "revoked"),
        (VALID, Answer("invalid", "expired", "registered"), "expired"),
        (SUSPENDED, Answer("invalid", "expired", "registered"), "expired"),
        (VALID, Answer("invalid", "key_retired", "registered"), "key_withdrawn"),
        (VALID, Answer("valid", None, "unknown"), "standing_changed"),
        (VALID, Answer("invalid", "revoked", "unknown"), "revoked"),
        (NOT_YET, VALID, "other"),
        (UNDECIDED, REVOKED, "revoked"),
        (UNDECIDED, VALID, None),
        (REVOKED, REVOKED, None),
    ],
)
def test_a_change_is_called_by_what_became_of_the_answer(before, after, kind):
    found = change(before, after, WATCHED, KNOWN)
    assert (found.kind if found else None) == kind


def test_a_change_has_the_time_at_which_it_happened_where_that_is_known():
    history = (Entry(1, "issued", AN_HOUR_AGO - DAY), Entry(2, "revoked", AN_HOUR_AGO))
    known = replace(KNOWN, recorded=replace(KNOWN.recorded, status="revoked", history=history))
    assert change(VALID, REVOKED, WATCHED, known).at == AN_HOUR_AGO
    assert change(VALID, Answer("invalid", "expired", "registered"), WATCHED, known).at == WATCHED.valid_until
    assert change(VALID, Answer("valid", None, "unknown"), WATCHED, known).at == known.now
    known = replace(known, recorded=replace(known.recorded, replaced_by=uuid4()))
    assert change(VALID, REVOKED, WATCHED, known).kind == "replaced"


def test_a_watch_waits_for_the_dates_of_its_badge():
    begins = NOW + DAY - timedelta(seconds=30)  # clocks may differ by as much
    assert WATCHED.next_date(NOW) == begins
    assert WATCHED.next_date(begins) == WATCHED.valid_until
    assert WATCHED.next_date(WATCHED.valid_until) is None
    assert Watched(BADGE, [METHOD], AN_HOUR_AGO).next_date(NOW) is None


def test_the_times_that_a_watch_waits_for_are_those_at_which_the_answer_is_another():
    for at, before, after in ((WATCHED.next_date(NOW), "not_yet_valid", None), (WATCHED.valid_until, None, "expired")):
        for now, reason in ((at - timedelta(microseconds=1), before), (at, after)):
            known = World(days=(now - NOW) / DAY).known()
            assert answer(WATCHED, replace(known, now=now), RULES).reason == reason


def test_states_name_whose_answers_may_have_changed_and_first_ones_nobodys():
    institution = {"institution_id": OAK, "slug": "oak", "name": "Oak", "did": "did:key:z"}
    key = {
        "key_id": KEY, "institution_id": OAK, "did": "did:key:z", "verification_method": METHOD,
        "public_key_multibase": "z", "created_at": NOW,
    }  # fmt: skip
    badge = {
        "credential_id": BADGE, "institution_id": OAK, "status": "issued", "positions": (), "document_digest": "d",
        "history": (),
    }  # fmt: skip
    for version, wanted in ((1, []), (2, [OAK, BADGE])):
        states = [
            InstitutionState(version=version, **institution),
            SigningKeyState(version=version, **key),
            CredentialState(version=version, **badge),
            CredentialState(version=version, **badge),
        ]
        assert subjects(states) == wanted


def test_every_change_that_can_be_named_can_be_told():
    assert get_args(Kind) == get_args(WatchTriggered.model_fields["change"].annotation)
