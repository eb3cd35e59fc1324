"""The worker revokes each badge once, whoever is killed, however many share it, and stops when it is told to."""

import asyncio
from pathlib import Path
from typing import Any

import orjson

from shared.messaging.events import ISSUER_EVENTS, CredentialStatusChanged
from tests.integration.issuer.conftest import Institution, Site, environment
from tests.integration.issuer.test_revocations import confirm, issued, look
from tests.support.poll import eventually
from tests.support.service import clean_event_log
from tests.support.stack import Process
from tests.support.topics import events_on


async def begun(north: Institution, ids: list[str]) -> str:
    """Confirm a revocation of badges; return its path."""
    seen = await look(north.client, ids=ids)
    made = (await confirm(north.client, seen["digest"], ids=ids)).json()
    return f"/v1/revocations/{made['id']}"


async def revoked_once(site: Site, ids: list[str], told: list[str]) -> bool:
    """Whether each badge was revoked, told of and counted once, and no other; `told` is of which there is an event."""
    history = await site.rows("select credential_id, version from credential_history where type = 'revoked'")
    assert {(str(row["credential_id"]), row["version"]) for row in history} == {(each, 2) for each in ids}
    return sorted(told) == sorted(ids)


async def on_the_log(dsn: str, count: int) -> list[str] | None:
    """Of which badges the log tells a change, once there are so many events."""
    events = await events_on(dsn, ISSUER_EVENTS, CredentialStatusChanged.TYPE)
    return [each["credential_id"] for each in events] if len(events) == count else None


async def ended(north: Institution, path: str) -> dict[str, Any] | None:
    """The revocation, once it is done."""
    found: dict[str, Any] = (await north.client.get(path)).json()
    return found if found["state"] == "done" else None


async def test_two_thousand_badges_are_revoked_by_two_workers_each_once(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    ids = [*await issued(north, achievement, 1000), *await issued(north, achievement, 1000)]
    path = await begun(north, ids)
    workers = [asyncio.create_task(site.revoker(150).run()) for _ in range(2)]
    done = await eventually(lambda: ended(north, path), within=120)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert (done["revoked"], done["already_revoked"], done["done"]) == (2000, 0, 2000)
    events = await site.told(CredentialStatusChanged.TYPE)
    assert await revoked_once(site, ids, [event["credential_id"] for event in events])
    assert (await site.rows("select count(*) filter (where raised) as raised from status_positions"))[0][
        "raised"
    ] == 2000


async def test_a_killed_worker_leaves_its_chunk_to_the_next_and_nothing_twice(
    site: Site, north: Institution, tmp_path: Path, clean_database: Any
) -> None:
    ids = await issued(north, await north.achievement(), 1000)
    log = await clean_event_log(clean_database)
    settings = {**environment(site), "LAUREL_EVENTLOG_DSN": log.app, "LAUREL_LOG": "embedded"}
    worker = Process("issuer", "worker", settings, tmp_path)
    path = await begun(north, ids)
    worker.start()

    async def has_begun() -> bool:
        return bool((await north.client.get(path)).json()["done"])

    await eventually(has_begun)
    worker.sigkill()
    half = (await north.client.get(path)).json()
    assert 0 < half["done"] <= 1000
    # What the server still holds of the killed one's transaction it gives back by itself.
    worker.start()
    done = await eventually(lambda: ended(north, path), within=120)
    assert (done["revoked"], done["already_revoked"]) == (1000, 0)
    assert await revoked_once(site, ids, await eventually(lambda: on_the_log(log.app, 1000)))
    await worker.stop()


async def test_paused_it_does_nothing_resumed_it_goes_on_cancelled_it_ends(site: Site, north: Institution) -> None:
    ids = await issued(north, await north.achievement(), 6)
    path, worker = await begun(north, ids), site.revoker(2)
    assert await worker.round() == 2
    for _ in range(2):
        paused = (await north.client.post(f"{path}/pause")).json()
        assert (paused["state"], paused["done"], paused["rate"]) == ("paused", 2, None)
    assert await worker.round() == 0
    assert (await north.client.post(f"{path}/resume")).json()["state"] == "running"
    assert await worker.round() == 2
    cancelled = (await north.client.post(f"{path}/cancel")).json()
    assert (cancelled["state"], cancelled["revoked"]) == ("cancelled", 4)
    assert await worker.round() == 0
    answer = await north.client.post(f"{path}/resume")
    assert (answer.status_code, answer.json()["code"]) == (409, "revocation_ended")
    standing = await site.rows("select count(*) as left from credentials where status = 'issued'")
    assert standing[0]["left"] == 2


async def test_pausing_waits_for_the_chunk_that_is_under_way(site: Site, north: Institution) -> None:
    ids = await issued(north, await north.achievement(), 2)
    path = await begun(north, ids)
    async with site.worker.transaction() as tx:
        await tx.fetch("select from credentials for update")
        chunk = asyncio.create_task(site.revoker().round())

        async def waits() -> bool:
            return bool(await site.rows("select from pg_stat_activity where wait_event_type = 'Lock'"))

        await eventually(waits)
        pause = asyncio.create_task(north.client.post(f"{path}/pause"))

        async def paused() -> bool:
            return bool((await north.client.get(path)).json()["state"] == "paused")

        await eventually(paused)
        assert not pause.done()
    assert await chunk == 2
    assert (await pause).json()["done"] == 2


async def test_a_short_one_does_not_wait_for_a_long_one(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    long, short = await issued(north, achievement, 8), await issued(north, achievement, 1)
    await begun(north, long)
    path = await begun(north, short)
    assert await site.revoker(2).round() == 3
    assert await ended(north, path)


async def test_its_progress_is_streamed_until_it_has_ended(site: Site, north: Institution) -> None:
    ids = await issued(north, await north.achievement(), 4)
    path, worker = await begun(north, ids), site.revoker(2)
    seen: list[dict[str, Any]] = []
    async with north.client.stream("GET", f"{path}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                seen.append(orjson.loads(line.removeprefix("data: ")))
                await worker.round()
    assert [(each["state"], each["done"]) for each in seen] == [("running", 0), ("running", 2), ("done", 4)]
