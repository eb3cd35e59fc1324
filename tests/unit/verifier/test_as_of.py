"""How a badge stood at a time follows from its history alone; where history does not tell, it is not known."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.domain.history import Change, StandingSince, is_whole, standing_at, status_at
from services.verifier.domain.judgement import judge, not_asked
from services.verifier.domain.known import Recorded
from shared.credentials.report import CheckedDocument
from tests.unit.verifier.test_judgement import (
    BADGE,
    FACTS,
    FRESH,
    KNOWN,
    NOW,
    OAK,
    OAK_COLLEGE,
    RULES,
    SIGNED,
    STALE,
    STRANGE,
    WITHIN_DATES,
)

FOLLOWS = {"issued": ("suspended", "revoked"), "suspended": ("issued", "revoked"), "revoked": ()}
DAY = timedelta(days=1)
SIGNED_AT = NOW - timedelta(days=100)


@st.composite
def histories(draw):
    """A credential's history, and its status after each version."""
    changes, statuses, time = [Change(1, "issued", SIGNED_AT)], ["issued"], SIGNED_AT
    for version in range(2, draw(st.integers(1, 7)) + 1):
        if not FOLLOWS[statuses[-1]]:
            break
        status = draw(st.sampled_from(FOLLOWS[statuses[-1]]))
        time += timedelta(seconds=draw(st.integers(1, 86_400)))
        changes.append(Change(version, "reinstated" if status == "issued" else status, time))
        statuses.append(status)
    return changes, statuses


def known(changes, status, **members):
    recorded = Recorded(BADGE, OAK, status, "d1", version=len(changes), history=tuple(changes))
    return replace(KNOWN, recorded=recorded, **members)


def report(known, **facts):
    said = FACTS.model_copy(update={"proof_created": SIGNED_AT, **facts})
    return judge(CheckedDocument(checks=(*SIGNED, WITHIN_DATES), facts=said), known, RULES, [not_asked()])


def verdict(known, **facts):
    conclusion = report(known, **facts).conclusion
    return conclusion.verdict, conclusion.reason


ISSUED = Change(1, "issued", SIGNED_AT)
REVOKED = Change(2, "revoked", NOW - 10 * DAY)
SUSPENDED, REINSTATED = Change(2, "suspended", NOW - 20 * DAY), Change(3, "reinstated", NOW - 10 * DAY)


@given(histories(), st.randoms())
def test_the_status_at_a_time_is_that_of_the_last_version_by_then_in_whatever_order_they_are_told(history, chance):
    changes, statuses = history
    shuffled = list(changes)
    chance.shuffle(shuffled)
    assert is_whole(shuffled, len(changes), statuses[-1])
    assert status_at(shuffled, SIGNED_AT - timedelta(microseconds=1)) is None
    ends = [each.time for each in changes[1:]] + [NOW]
    for change, status, end in zip(changes, statuses, ends, strict=True):
        assert status_at(shuffled, change.time) == status_at(shuffled, end - timedelta(microseconds=1)) == status


@given(histories(), st.data())
def test_a_history_that_lacks_a_version_is_not_whole(history, data):
    changes, statuses = history
    lacking = data.draw(st.sampled_from(changes))
    assert not is_whole([each for each in changes if each != lacking], len(changes), statuses[-1])
    assert not is_whole(changes, len(changes) + 1, statuses[-1])
    other = next(each for each in FOLLOWS if each != statuses[-1])
    assert not is_whole(changes, len(changes), other)


@given(histories(), st.sampled_from([FRESH, STALE]), st.integers(0, 29))
def test_as_of_now_has_the_verdict_of_now_however_little_the_clocks_differ(history, heard, ahead):
    changes, statuses = history
    now = known(changes, statuses[-1], heard=heard)
    as_of_now = replace(now, as_of=NOW + timedelta(seconds=ahead))
    assert report(as_of_now).conclusion == report(now).conclusion
    assert report(as_of_now).issuer == report(now).issuer


@given(histories(), st.integers(1, 200 * 86_400))
def test_what_is_asked_of_the_past_is_what_was_said_then(history, ago):
    changes, statuses = history
    as_of = NOW - timedelta(seconds=ago)
    asked = verdict(known(changes, statuses[-1], as_of=as_of))
    by_then = [each for each in changes if each.time <= as_of]
    if not by_then:
        assert asked == ("invalid", "not_yet_issued")
        return
    heard = dict.fromkeys(FRESH, as_of)
    assert asked == verdict(known(by_then, statuses[len(by_then) - 1], now=as_of, heard=heard))


@pytest.mark.parametrize(
    ("before", "said"),
    [
        pytest.param(
            known([ISSUED, REVOKED], "revoked", as_of=NOW - 11 * DAY), ("valid", None), id="before revocation"
        ),
        pytest.param(known([ISSUED, REVOKED], "revoked", as_of=NOW - 10 * DAY), ("invalid", "revoked"), id="at it"),
        pytest.param(
            known([ISSUED, SUSPENDED, REINSTATED], "issued", as_of=NOW - 15 * DAY), ("invalid", "suspended"), id="then"
        ),
        pytest.param(known([ISSUED, SUSPENDED, REINSTATED], "issued", as_of=NOW - DAY), ("valid", None), id="again"),
        pytest.param(
            known([ISSUED], "revoked", as_of=NOW - DAY), ("unknown", "history_incomplete"), id="the end is not told"
        ),
        pytest.param(
            known([ISSUED, SUSPENDED], "suspended", as_of=NOW - 200 * DAY), ("invalid", "not_yet_issued"), id="early"
        ),
        # However long nothing was heard, all is known of what was before that; and nothing of what came after.
        pytest.param(
            known([ISSUED], "issued", as_of=NOW - DAY, heard=STALE), ("valid", None), id="stale, and long ago"
        ),
        pytest.param(
            known([ISSUED], "issued", as_of=NOW - DAY, heard=dict.fromkeys(range(16), NOW - 2 * DAY)),
            ("unknown", "status_unavailable"),
            id="not heard that far",
        ),
        pytest.param(
            known([ISSUED], "issued", as_of=NOW - DAY, heard={}), ("unknown", "status_unavailable"), id="never heard"
        ),
        pytest.param(
            known([ISSUED], "issued", as_of=NOW - DAY, held=frozenset({str(BADGE)})),
            ("unknown", "status_unavailable"),
            id="held",
        ),
    ],
)
def test_a_badge_is_judged_by_its_history(before, said):
    assert verdict(before) == said


def test_a_stranger_whose_signature_has_no_date_was_perhaps_not_there():
    stranger = replace(STRANGE, credential_id=None, as_of=NOW - DAY)
    facts = {"id": "urn:uuid:1", "status": ()}
    assert verdict(stranger, **facts) == ("valid", None)
    assert verdict(stranger, **facts, proof_created=None) == ("unknown", "signing_time_unknown")
    assert verdict(stranger, **facts, proof_created=NOW - DAY / 2) == ("invalid", "not_yet_issued")


def test_the_report_says_of_which_time_it_speaks_and_how_far_history_is_known():
    told = report(known([ISSUED, REVOKED], "revoked", as_of=NOW - 11 * DAY))
    assert told.conclusion.summary.startswith("As of 2026-11-11 12:00:00 UTC: The badge is as it was signed")
    history = next(each for each in told.checks if each.name == "history")
    assert history.outcome == "pass"
    assert "up to 2026-11-22 11:59:59 UTC" in history.detail
    assert "history" not in {each.name for each in report(KNOWN).checks}


SINCE = (StandingSince(1, "registered", NOW - 90 * DAY), StandingSince(2, "withdrawn", NOW - 30 * DAY))


@pytest.mark.parametrize(
    ("history", "version", "days_ago", "standing"),
    [
        (SINCE, 2, 31, "registered"),
        (SINCE, 2, 30, "withdrawn"),
        (SINCE, 2, 91, "not_yet"),
        ((), 1, 31, "withdrawn"),
        ((), 2, 31, None),
        (SINCE, 3, 1, None),  # the last version is not told of
        ((SINCE[0], StandingSince(3, "withdrawn", NOW - 30 * DAY)), 3, 31, None),
        ((SINCE[0], StandingSince(3, "withdrawn", NOW - 30 * DAY)), 3, 29, "withdrawn"),
        ((SINCE[1],), 2, 31, None),
    ],
)
def test_an_institutions_standing_is_known_where_no_change_can_be_missing(history, version, days_ago, standing):
    assert standing_at(history, version, "withdrawn", NOW - days_ago * DAY) == standing


@pytest.mark.parametrize(
    ("standings", "standing", "code"),
    [(SINCE, "registered", None), ((), "unknown", "standing_not_known_then")],
)
def test_a_withdrawn_institution_was_registered_then_where_that_is_known(standings, standing, code):
    withdrawn = replace(OAK_COLLEGE, standing="withdrawn", version=2, standings=standings)
    told = report(known([ISSUED], "issued", as_of=NOW - 31 * DAY, issuer=withdrawn))
    assert (told.conclusion.verdict, told.issuer.standing) == ("valid", standing)
    assert next(each.code for each in told.checks if each.name == "standing") == code
