"""The canary: how fresh answers are, and how long real revocations took, each counted once and no sandbox's."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.verifier.store import freshness as store
from shared.messaging.events import CredentialState, HistoryEntry
from tests.integration.verifier.builders import Institution, now
from tests.integration.verifier.conftest import Verifier
from tests.support.poll import eventually
from tests.support.records import beats, delivery
from tests.support.service import FOR_A_WHILE, OPERATOR

NOTHING = {"count": 0, "p50_seconds": None, "p99_seconds": None}


@pytest.fixture(autouse=True)
def counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every call count, not only the first of two seconds."""
    monkeypatch.setattr("services.verifier.handlers.freshness.FIGURES_KEPT_SECONDS", 0.0)


async def told(verifier: Verifier) -> dict[str, Any]:
    answer = await verifier.client.get("/v1/freshness")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def seen(verifier: Verifier) -> dict[str, Any]:
    found: dict[str, Any] = (await told(verifier))["revoke_to_seen"]
    return found


async def plant(verifier: Verifier, institution: UUID, seconds: float, ago: timedelta) -> None:
    """A revocation that was seen a while ago, so many seconds after it was accepted."""
    await verifier.execute(
        "insert into seen_revocations values ($1, $2, now() - $3::interval - $4::interval, now() - $3::interval)",
        uuid4(),
        institution,
        ago,
        timedelta(seconds=seconds),
    )


def revoked(oak: Institution, badge: dict[str, Any], ago: timedelta = timedelta(seconds=2)) -> CredentialState:
    """How a badge stands that was revoked a while ago."""
    plain = oak.credential(badge)
    entry = HistoryEntry(version=2, type="revoked", time=now() - ago, event_id=uuid4())
    return plain.model_copy(update={"version": 2, "status": "revoked", "history": (*plain.history, entry)})


async def test_percentiles_are_those_of_the_hour_and_of_the_day(served: Verifier) -> None:
    oak = uuid4()
    assert await seen(served) == {"last_hour": NOTHING, "last_day": NOTHING}
    for number in range(1, 101):
        await plant(served, oak, number / 10, timedelta(minutes=5))
    await plant(served, oak, 1000, timedelta(hours=2))
    await plant(served, oak, 5000, timedelta(hours=24, minutes=5))
    await plant(served, oak, -3, timedelta(minutes=1))  # clocks differ
    found = await seen(served)
    assert found["last_hour"]["count"] == 101
    assert found["last_hour"]["p50_seconds"] == pytest.approx(5.0)
    assert found["last_hour"]["p99_seconds"] == pytest.approx(9.9)
    assert found["last_day"]["count"] == 102
    assert found["last_day"]["p99_seconds"] == pytest.approx(10.0, abs=0.2)


async def test_a_revocation_that_comes_in_is_counted_once_whatever_comes_again(served: Verifier) -> None:
    oak = Institution()
    badge, old, missed = oak.badge(), oak.badge(), oak.badge()
    await served.know(oak, badge, old)
    state = revoked(oak, badge)
    await served.feed(state)
    await served.feed(state, state)
    await served.feed(oak.credential(badge), state)
    # Revoked before the day began; and a badge of which nothing was known that could have been called valid.
    await served.feed(revoked(oak, old, timedelta(days=1, minutes=1)), revoked(oak, missed))
    found = (await seen(served))["last_hour"]
    assert found["count"] == 1
    assert found["p50_seconds"] == found["p99_seconds"] >= 2


async def test_a_rebuild_neither_counts_again_nor_forgets(verifier: Verifier) -> None:
    oak = Institution()
    badges = [oak.badge() for _ in range(3)]
    states = [oak.state(), oak.key_state(), *[oak.credential(badge) for badge in badges]]
    await verifier.publish(*map(delivery, [*states, *[revoked(oak, badge) for badge in badges[:2]]]), *beats())
    async with verifier.serving("all"):

        async def as_wanted() -> bool:
            known = await verifier.value("select count(*) from credentials")
            return known == 3 and (await told(verifier))["fresh"]

        await eventually(as_wanted)
        before = await verifier.rows("select * from seen_revocations order by credential_id")
        assert len(before) == 2
        for _ in range(2):
            assert (await verifier.client.post("/v1/ops/rebuild", headers=OPERATOR)).status_code == 200
            assert (await seen(verifier))["last_hour"]["count"] == 2
            await eventually(as_wanted)
            assert await verifier.rows("select * from seen_revocations order by credential_id") == before
        await verifier.publish(delivery(revoked(oak, badges[2])))

        async def one_more() -> bool:
            return bool((await seen(verifier))["last_hour"]["count"] == 3)

        await eventually(one_more)


async def test_a_sandboxes_revocations_are_left_out_in_whichever_order_the_news_comes(served: Verifier) -> None:
    oak, sandbox = Institution(), Institution()
    real, trial = oak.badge(), sandbox.badge()
    await served.know(oak, real)
    await served.feed(sandbox.credential(trial), revoked(sandbox, trial), revoked(oak, real))
    assert (await seen(served))["last_day"]["count"] == 2
    await served.feed(sandbox.state(sandbox=True))
    assert (await seen(served))["last_day"]["count"] == 1
    assert await served.rows("select name, sandbox from institutions order by sandbox") == [
        ("Oak College", False),
        ("Oak College", True),
    ]
    await served.feed(sandbox.state(version=2, sandbox=False))
    assert (await seen(served))["last_day"]["count"] == 2


async def test_answers_are_as_fresh_as_the_partition_that_was_heard_of_longest_ago(served: Verifier) -> None:
    never = await told(served)
    assert (never["status_as_of"], never["age_seconds"], never["fresh"]) == (None, None, False)
    assert never["max_status_age_seconds"] == FOR_A_WHILE.total_seconds()
    await served.hear(beats())
    found = await told(served)
    assert found["fresh"] is True
    assert found["age_seconds"] >= 0
    await served.execute("update heartbeats set time = now() - interval '241 seconds' where shard = 7")
    stale = await told(served)
    assert stale["fresh"] is False
    assert stale["age_seconds"] >= 241
    assert datetime.fromisoformat(stale["status_as_of"]) < datetime.fromisoformat(found["status_as_of"])
    await served.execute("delete from heartbeats where shard = 7")
    assert (await told(served))["status_as_of"] is None


async def test_rows_that_no_figure_needs_are_dropped_and_the_others_stay(served: Verifier) -> None:
    oak = uuid4()
    for ago in (timedelta(hours=1), timedelta(hours=23), timedelta(hours=26), timedelta(days=9)):
        await plant(served, oak, 1, ago)
    async with served.worker.transaction() as tx:
        await store.forget_old(tx)
    assert await served.value("select count(*) from seen_revocations") == 2


async def test_the_routes_role_reads_the_figures_and_changes_none(served: Verifier) -> None:
    await plant(served, uuid4(), 1, timedelta(minutes=1))
    app = await asyncpg.connect(served.clean.app)
    assert await app.fetchval("select count(*) from seen_revocations") == 1
    assert await app.execute("delete from seen_revocations") == "DELETE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("insert into seen_revocations values ($1, $1, now())", uuid4())
    await app.close()
