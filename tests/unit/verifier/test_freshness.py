"""How fresh a verifier is follows from what it has heard, and news is only what it did not know."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.verifier.domain.freshness import Revocation, freshness, new_revocations
from shared.messaging.events import CredentialState, HistoryEntry

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BADGE, OAK = UUID(int=1), UUID(int=2)


def heard(**ages: float) -> dict[int, datetime]:
    """All sixteen partitions, a second ago unless said otherwise (`p3=90`)."""
    return {shard: NOW - timedelta(seconds=ages.get(f"p{shard}", 1)) for shard in range(16)}


@pytest.mark.parametrize(
    ("known", "age", "fresh"),
    [
        pytest.param(heard(), 1, True, id="fresh"),
        pytest.param(heard(p3=59), 59, True, id="as old as its oldest partition"),
        pytest.param(heard(p3=61), 61, False, id="stale"),
        pytest.param(heard(p0=-10), 1, True, id="one is a little ahead"),
        pytest.param(dict.fromkeys(range(16), NOW + timedelta(hours=1)), 0, False, id="from the future"),
        pytest.param(dict.fromkeys(range(15), NOW), None, False, id="one is missing"),
        pytest.param({}, None, False, id="nothing"),
    ],
)
def test_it_is_as_fresh_as_the_partition_that_was_heard_of_longest_ago(
    known: dict[int, datetime], age: float | None, fresh: bool
) -> None:
    found = freshness(known, NOW, MINUTE)
    assert (found.age_seconds, found.fresh) == (age, fresh)
    assert (found.status_as_of is None) == (age is None)


def state(*changes: str, credential_id: UUID = BADGE) -> CredentialState:
    """How a badge stands after these changes."""
    history = [
        HistoryEntry.model_validate(
            {"version": place, "type": change, "time": NOW + timedelta(seconds=place), "event_id": uuid4()}
        )
        for place, change in enumerate(changes, 1)
    ]
    return CredentialState(
        credential_id=credential_id,
        version=len(changes),
        institution_id=OAK,
        status="revoked" if changes[-1] == "revoked" else "issued",
        positions=(),
        document_digest="d",
        history=tuple(history),
    )


ISSUED, REVOKED = state("issued"), state("issued", "revoked")
NEWS = [Revocation(BADGE, OAK, NOW + timedelta(seconds=2))]


@pytest.mark.parametrize(
    ("versions", "states", "found"),
    [
        pytest.param({BADGE: 1}, [REVOKED], NEWS, id="a revocation"),
        pytest.param({}, [ISSUED, REVOKED], NEWS, id="issued and revoked in one batch"),
        pytest.param({BADGE: 1}, [REVOKED, REVOKED, ISSUED, REVOKED], NEWS, id="again and again"),
        pytest.param({BADGE: 2}, [REVOKED], [], id="a replay"),
        pytest.param({BADGE: 1}, [ISSUED], [], id="nothing new"),
        pytest.param({}, [REVOKED], [], id="copies that are being filled"),
        pytest.param({BADGE: 1}, [state("issued", "suspended", "reinstated")], [], id="suspended"),
        pytest.param(
            {BADGE: 1},
            [state("issued", "suspended", "revoked")],
            [Revocation(BADGE, OAK, NOW + timedelta(seconds=3))],
            id="two steps at once",
        ),
        pytest.param({BADGE: 1}, [state("issued", "revoked", credential_id=UUID(int=9))], [], id="another's"),
    ],
)
def test_a_revocation_is_news_once_and_only_where_the_badge_was_known_before(
    versions: dict[UUID, int], states: list[CredentialState], found: list[Revocation]
) -> None:
    assert new_revocations(versions, states) == found
