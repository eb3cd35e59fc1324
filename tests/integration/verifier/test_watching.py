"""Each change is told exactly once: whoever dies, however many look, whatever comes again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from services.verifier.handlers import state as states
from services.verifier.handlers import watches, watching
from services.verifier.handlers.watches import Terms, Wanted
from shared import db
from shared.messaging.events import VERIFIER_EVENTS, CredentialState, HistoryEntry, WatchTriggered
from shared.telemetry import Reticent
from tests.integration.verifier.builders import TRACEPARENT, Institution, now
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.test_watches import DAY
from tests.integration.verifier.watching import RULES, changed, changes, feed, look, told_all, watch
from tests.support.poll import eventually
from tests.support.records import beats, delivery
from tests.support.service import OPERATOR
from tests.support.topics import read_topic


@pytest.fixture
async def oak(served: Verifier) -> Institution:
    """An institution that the verifier knows, and of which it has heard all."""
    made = Institution()
    await served.know(made)
    return made


async def in_the_outbox(verifier: Verifier) -> list[WatchTriggered]:
    """What was handed to the relay of watches, in its order."""
    rows = await verifier.rows("select value from outbox where topic = $1 order by id", VERIFIER_EVENTS)
    return [WatchTriggered(**each) for (value,) in rows if "watch_id" in (each := orjson.loads(value))]


async def look_and_die(verifier: Verifier) -> None:
    """Lose the database after all was written, before it is committed."""
    async with verifier.worker.transaction() as tx:
        assert (await watching.look(tx, RULES))[0] == 1
        assert await tx.fetchval("select count(*) from watch_events") == 1
        await tx.execute("select pg_terminate_backend(pg_backend_pid())")


def count_of(kind: str) -> float:
    """How many changes of a kind the metric has counted."""
    return REGISTRY.get_sample_value("laurel_watch_changes_total", {"change": kind}) or 0


async def test_a_worker_that_dies_before_its_transaction_ends_has_told_nobody_and_the_next_tells_once(
    served: Verifier, oak: Institution
) -> None:
    employer, state = await served.employer(), told_all(oak, oak.badge())
    await served.feed(state)
    await watch(served, employer, state)
    await look(served)
    await served.feed(changed(state, "revoked"))
    async with served.worker.transaction() as tx:
        await watching.store.spread_news(tx, 50, 50)
    counted = count_of("revoked")
    with pytest.raises(db.FAILURES_OF_OURS):
        await look_and_die(served)
    assert count_of("revoked") == counted
    assert await changes(served, employer) == []
    assert await in_the_outbox(served) == []
    await look(served)
    await look(served)
    assert await changes(served, employer) == ["revoked"]
    assert count_of("revoked") == counted + 1
    (told,) = await in_the_outbox(served)
    assert (told.number, told.change, told.credential_id) == (1, "revoked", state.credential_id)


@asynccontextmanager
async def workers(verifier: Verifier, count: int) -> AsyncIterator[None]:
    """Several workers until the block ends, which look all the time."""
    done = asyncio.Event()

    async def work() -> None:
        while not done.is_set():
            try:
                if not await watching.take_round(verifier.worker, RULES):
                    await asyncio.sleep(0.02)
            except asyncpg.DeadlockDetectedError:  # which the loop takes as a reason to try again
                continue

    tasks = [asyncio.create_task(work()) for _ in range(count)]
    try:
        yield
    finally:
        done.set()
        await asyncio.gather(*tasks)


async def read_along(verifier: Verifier, employer: dict[str, str], count: int) -> list[Any]:
    """Read a feed from where it ended the last time, until so many events came."""
    found: list[Any] = []
    while len(found) < count:
        found += await feed(verifier, employer, found[-1]["place"] if found else 0)
        await asyncio.sleep(0.02)
    return found


async def test_many_workers_tell_once_and_whoever_reads_the_feed_meanwhile_misses_nothing(
    served: Verifier, oak: Institution
) -> None:
    employers = [await served.employer() for _ in range(3)]
    badges = [told_all(oak, oak.badge()) for _ in range(12)]
    await served.feed(*badges)
    for employer in employers:
        for state in badges:
            await watch(served, employer, state, channels=["webhook"])
    readers = [asyncio.create_task(read_along(served, employer, 24)) for employer in employers]
    async with workers(served, 4):
        for round_, kind in enumerate(("suspended", "revoked"), 1):
            badges = [changed(state, kind) for state in badges]
            for state in badges:
                await served.feed(state)
            await eventually(partial(has_told, served, 36 * round_))
        seen = await asyncio.gather(*readers)
    for employer, read_meanwhile in zip(employers, seen, strict=True):
        assert read_meanwhile == await feed(served, employer)
        assert [each["place"] for each in read_meanwhile] == list(range(1, 25))
        assert len({(each["watch_id"], each["number"]) for each in read_meanwhile}) == 24
    told = await in_the_outbox(served)
    assert len(told) == len({(each.watch_id, each.number) for each in told}) == 72
    assert {each.channels for each in told} == {("webhook",)}


async def has_told(verifier: Verifier, count: int) -> bool:
    """Whether so many events are there."""
    return bool(await verifier.value("select count(*) from watch_events") == count)


async def test_a_watch_that_is_made_while_the_change_comes_in_misses_it_in_neither_order(
    served: Verifier, oak: Institution
) -> None:
    employer = await served.employer()
    early, late = told_all(oak, oak.badge()), told_all(oak, oak.badge())
    await served.feed(early, late)
    # The change is taken in, and not committed before the watch is made and was looked at.
    async with served.worker.transaction() as tx:
        await states.follow(tx, [delivery(changed(early, "revoked"))])
        assert (await watch(served, employer, early))["answer"]["verdict"] == "valid"
        await look(served)
    assert await changes(served, employer) == []
    await look(served)
    assert await changes(served, employer) == ["revoked"]
    # The watch is made, and not committed before the change was taken in and was looked into.
    tenant = await served.value("select id from employers")
    async with served.worker.transaction() as tx:
        wanted = Wanted(tenant, None, late.credential_id, None, ["mail"])
        row, _ = await watches.watch(tx, wanted, RULES, Terms(DAY, DAY, 9), None)
        assert row["verdict"] == "valid"
        await served.feed(changed(late, "suspended"))
        await look(served)
    await look(served)
    assert await changes(served, employer) == ["revoked", "suspended"]


async def test_what_came_and_went_before_anybody_looked_is_no_change(served: Verifier, oak: Institution) -> None:
    employer, state = await served.employer(), told_all(oak, oak.badge())
    await served.feed(state)
    await watch(served, employer, state)
    await look(served)
    suspended = changed(state, "suspended")
    await served.feed(suspended, changed(suspended, "reinstated"))
    await look(served)
    assert await changes(served, employer) == []


async def test_a_change_of_a_whole_institution_goes_in_parts_and_is_told_once_each(
    served: Verifier, oak: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "WATCHES", 3)
    monkeypatch.setattr(watching, "OF_EACH", 4)
    employer = await served.employer()
    badges = [told_all(oak, oak.badge()) for _ in range(10)]
    await served.feed(*badges)
    for state in badges:
        await watch(served, employer, state)
    await look(served)
    await served.feed(oak.state(version=2, standing="withdrawn"))
    await watching.take_round(served.worker, RULES)
    assert await served.value("select count(*) from watches where due_at is not null") == 1
    assert len(await feed(served, employer)) == 3
    await look(served)
    assert await changes(served, employer) == ["standing_changed"] * 10
    assert len({each["watch_id"] for each in await feed(served, employer)}) == 10


async def test_copies_that_are_old_or_being_filled_again_change_nothing(served: Verifier, oak: Institution) -> None:
    employer = await served.employer()
    state = changed(told_all(oak, oak.badge(), valid_until=now() - DAY), "suspended")
    await served.feed(state)
    assert (await watch(served, employer, state))["answer"]["reason"] == "suspended"
    await look(served)
    # Of an expired badge a verification now says `expired`: what comes before that is not known.
    await served.execute("update heartbeats set time = time - interval '1 hour'")
    await served.execute("update watches set due_at = laurel_clock()")
    await look(served)
    await states.rebuild(served.worker)
    await served.execute("delete from heartbeats")
    for part in ([], [oak.state()], [oak.key_state(), state]):
        await served.feed(*part)
        await served.execute("update watches set due_at = laurel_clock()")
        await look(served)
    await served.hear(beats())
    await served.execute("update watches set due_at = laurel_clock()")
    await look(served)
    assert await changes(served, employer) == []
    assert await served.value("select due_at is null from watches")


async def test_after_restart_rebuild_and_refeed_everybody_has_been_told_once(verifier: Verifier) -> None:
    oak = Institution()
    state = told_all(oak, oak.badge())
    entry = HistoryEntry(version=2, type="revoked", time=now(), event_id=uuid4(), traceparent=TRACEPARENT)
    revoked = state.model_copy(update={"version": 2, "status": "revoked", "history": (*state.history, entry)})
    await verifier.publish(*map(delivery, [oak.state(), oak.key_state(), state]), *beats())
    async with verifier.serving("all"):
        employer = await verifier.employer()
        await eventually(lambda: is_known(verifier, state))
        await watch(verifier, employer, state)
    await verifier.publish(delivery(revoked, traceparent=TRACEPARENT), *beats())
    async with verifier.serving("all"):
        await eventually(lambda: has_told(verifier, 1))
        assert (await verifier.client.post("/v1/ops/rebuild", headers=OPERATOR)).status_code == 200
        await verifier.publish(*beats())
        await eventually(lambda: is_known(verifier, revoked))
        await eventually(lambda: is_at_rest(verifier))
        sent = await eventually(lambda: on_the_log(verifier, 1))
        assert (await verifier.client.post("/v1/ops/refeed", headers=OPERATOR)).status_code == 200
        again = await eventually(lambda: on_the_log(verifier, 2))
        assert {each["ce_id"] for each in again} == {sent[0]["ce_id"]}
        # Nor does the trace of the change, which its institution may follow, lead to who was told.
        assert TRACEPARENT.split("-")[1] not in str(again)
    async with verifier.serving("all"):
        await eventually(lambda: is_at_rest(verifier))
        assert [each["change"] for each in await feed(verifier, employer)] == ["revoked"]


async def on_the_log(verifier: Verifier, count: int) -> list[dict[str, bytes]] | None:
    """The headers of the events of watches on the log, once there are so many."""
    records = await read_topic({"LAUREL_EVENTLOG_DSN": verifier.settings.eventlog_dsn}, VERIFIER_EVENTS)
    found = [dict(each.headers) for each in records if b"watch_id" in (each.value or b"")]
    return found if len(found) == count else None


async def is_known(verifier: Verifier, state: CredentialState) -> bool:
    """Whether a credential is here as in this state, and all has been heard."""
    query = "select version from credentials where id = $1 and (select count(*) from heartbeats) >= 16"
    return await verifier.rows(query, state.credential_id) == [(state.version,)]


async def is_at_rest(verifier: Verifier) -> bool:
    """Whether no watch waits to be looked at."""
    waits = "select exists (select from watch_news) or exists (select from watches where due_at is not null)"
    return not await verifier.value(waits)


async def test_what_has_ended_and_was_told_long_ago_is_removed(served: Verifier, oak: Institution) -> None:
    employer = await served.employer()
    badges = [told_all(oak, oak.badge()) for _ in range(2)]
    await served.feed(*badges)
    old, _ = [await watch(served, employer, state) for state in badges]
    await look(served)
    await served.feed(*[changed(state, "revoked") for state in badges])
    await look(served)
    await served.execute(
        "update watches set until = laurel_clock() - interval '31 days' where id = $1", UUID(old["id"])
    )
    await served.execute(
        "update watch_events set told_at = laurel_clock() - interval '401 days' where watch_id = $1", UUID(old["id"])
    )
    async with served.worker.transaction() as tx:
        await watching.store.forget_old(tx, watching.ENDED_KEPT, watching.TOLD_KEPT, 10)
    assert await served.value("select count(*) from watches") == 1
    assert old["id"] not in [each["watch_id"] for each in await feed(served, employer)]
    assert len(await feed(served, employer)) == 1


async def test_no_span_that_leaves_the_verifier_names_a_watch_or_its_employer(
    served: Verifier, oak: Institution, exported_spans: Callable[[], Sequence[ReadableSpan]]
) -> None:
    employer, state = await served.employer("Planted Watcher Ltd"), told_all(oak, oak.badge())
    await served.feed(state)
    made = await watch(served, employer, state)
    await served.feed(changed(state, "revoked"))
    await look(served)
    (event,) = await feed(served, employer)
    for method, path in (("GET", ""), ("GET", f"/{made['id']}"), ("DELETE", f"/{made['id']}")):
        assert (await served.client.request(method, f"/v1/watches{path}", headers=employer)).is_success
    left = InMemorySpanExporter()
    Reticent(left).export(exported_spans())
    text = "".join(span.to_json() for span in left.get_finished_spans())
    assert "/v1/watches/{watch_id}" in text
    planted = [made["id"], event["id"], str(await served.value("select id from employers")), "Planted Watcher Ltd"]
    assert [each for each in planted if each in text] == []
