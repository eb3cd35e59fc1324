"""An employer that watches a badge is told once of each change, on either log, and its issuer never learns of it."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from shared.messaging.events import ISSUER_EVENTS, ISSUER_STATE, REGISTRY_EVENTS, REGISTRY_STATE, VERIFIER_EVENTS
from tests.support.people import register_employer, register_institution, verify
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.stack import Stack, standing
from tests.support.topics import as_text, read_topic

BADGES = 8


async def valid(employer: httpx.AsyncClient, credential: dict[str, Any]) -> str | None:
    """The id of a verification that says so."""
    report = await verify(employer, credential)
    return report["id"] if report["verdict"] == "valid" else None


async def watch(employer: httpx.AsyncClient, **body: Any) -> dict[str, Any] | None:
    """A watch, as soon as the badge is known at the verifier."""
    answer = await employer.post("/v1/watches", json=body)
    return answer.json() if answer.is_success else None


async def feed(employer: httpx.AsyncClient) -> list[dict[str, Any]]:
    """All events of an employer's feed."""
    answer = await employer.get("/v1/watches/events", params={"limit": 200})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def so_many(employer: httpx.AsyncClient, count: int) -> bool:
    return len(await feed(employer)) >= count


async def everything_in(database: CleanDatabase) -> str:
    """All rows of a database, as text, but for the copies of API keys, which every employer has."""
    connection = await asyncpg.connect(database.superuser)
    try:
        tables = await connection.fetch("select relname from pg_stat_user_tables where relname <> 'api_keys'")
        rows = [await connection.fetchval(f"select string_agg(t::text, ' ') from {name} t") for (name,) in tables]
        return "\n".join(each for each in rows if each)
    finally:
        await connection.close()


async def triggered(event_log: Mapping[str, str]) -> list[tuple[str, int]]:
    """Which changes of which watches are on the topic, as often as they are."""
    values = [orjson.loads(each.value or b"{}") for each in await read_topic(event_log, VERIFIER_EVENTS)]
    return [(each["watch_id"], each["number"]) for each in values if "watch_id" in each]


@pytest.mark.timeout(600)
async def test_a_change_is_told_once_while_the_verifier_dies_and_the_issuer_holds_nothing_of_it(
    tmp_path: Path, clean_database: Callable[[str], CleanDatabase], event_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, event_log) as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        achievement = await institution.achievement()
        badges = [await institution.issue(achievement) for _ in range(BADGES)]
        asker = await register_employer(stack.urls, stack.operator_key)
        # One that verifies nothing: whatever names it elsewhere names a watcher.
        quiet = await register_employer(stack.urls, stack.operator_key, "Planted Watcher Ltd")
        watches = []
        for badge in badges:
            verification = await eventually(lambda badge=badge: valid(asker, badge["credential"]))  # type: ignore[misc]  # bound now
            watches.append(await watch(asker, verification_id=verification, channels=["webhook", "mail"]))
            watches.append(await watch(quiet, credential_id=badge["id"]))
        ids = [each["id"] for each in watches if each]
        assert len(ids) == 2 * BADGES
        await _revoke_while_it_dies(stack, institution, [each["id"] for each in badges])
        for employer in (asker, quiet):
            await eventually(lambda employer=employer: so_many(employer, BADGES), within=120)  # type: ignore[misc]  # bound now
        verifier = stack.processes["verifier", "all"]
        await verifier.stop()
        verifier.start()
        await verifier.ready()
        for employer in (asker, quiet):
            events = await feed(employer)
            assert sorted(each["credential_id"] for each in events) == sorted(each["id"] for each in badges)
            assert {(each["change"], each["verdict"], each["number"]) for each in events} == {("revoked", "invalid", 1)}
        await eventually(lambda: all_told(event_log, 2 * BADGES))
        assert sorted(set(await triggered(event_log))) == sorted((each, 1) for each in ids)
        await _find_no_trace(stack, event_log, [*ids, "Planted Watcher Ltd", await _id_of(stack, quiet)])
        await stack.stop()
        for client in (asker, quiet):
            await client.aclose()


async def all_told(event_log: Mapping[str, str], count: int) -> bool:
    return len(set(await triggered(event_log))) == count


async def _revoke_while_it_dies(stack: Stack, institution: Any, ids: list[str]) -> None:
    """Revoke one after another; the verifier is killed three times meanwhile, wherever it is just then."""
    verifier = stack.processes["verifier", "all"]
    revoking = asyncio.create_task(_revoke(institution, ids))
    for _ in range(3):
        verifier.sigkill()
        verifier.start()
        await verifier.ready()
    await revoking


async def _revoke(institution: Any, ids: list[str]) -> None:
    for each in ids:
        await institution.revoke(each)
        await asyncio.sleep(0.2)


async def _id_of(stack: Stack, employer: httpx.AsyncClient) -> str:
    connection = await asyncpg.connect(stack.databases["verifier"].worker)
    try:
        found = await connection.fetchval("select id from employers where name = 'Planted Watcher Ltd'")
        return str(found)
    finally:
        await connection.close()


async def _find_no_trace(stack: Stack, event_log: Mapping[str, str], planted: list[str]) -> None:
    """Look through all that the institution's side has and keeps."""
    places = {name: await everything_in(stack.databases[name]) for name in ("issuer", "registry")}
    for topic in (ISSUER_EVENTS, ISSUER_STATE, REGISTRY_EVENTS, REGISTRY_STATE):
        places[topic] = as_text(await read_topic(event_log, topic))
    places |= {"logs": stack.logs()}
    for service in ("issuer", "registry", "verifier"):
        async with httpx.AsyncClient() as client:
            address = stack.processes[service, "all"].url
            places[f"{service}'s metrics"] = (await client.get(f"{address}/metrics")).text
    for name, text in places.items():
        assert text, name
        assert [each for each in planted if each in text] == [], name
