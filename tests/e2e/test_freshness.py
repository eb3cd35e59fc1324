"""What the verifier may say while news is on its way, or does not come."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.support.people import register_employer, register_institution, verify
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.stack import Stack, standing

Databases = Callable[[str], CleanDatabase]


async def becomes(employer: httpx.AsyncClient, credential: dict[str, Any], verdict: str) -> dict[str, Any]:
    """The first report with this verdict."""

    async def report() -> Any:
        found = await verify(employer, credential)
        return found if found["verdict"] == verdict else None

    found: dict[str, Any] = await eventually(report)
    return found


async def move_clocks(stack: Stack, interval: str) -> None:
    """Move every service's database clock, for the connections that are open as well."""
    for database in stack.databases.values():
        admin = await asyncpg.connect(database.superuser)
        await admin.execute(f"alter database {database.name} set app.clock_offset = '{interval}'")
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()",
            database.name,
        )
        await admin.close()


async def test_with_the_relay_stopped_a_revoked_badge_is_unknown_within_the_bound_and_never_valid_again(
    tmp_path: Path, clean_database: Databases, event_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, event_log, split=True, max_status_age="PT4S") as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        employer = await register_employer(stack.urls, stack.operator_key)
        issued = await institution.issue(await institution.achievement())
        await becomes(employer, issued["credential"], "valid")
        await stack.processes["issuer", "worker"].stop()
        await institution.revoke(issued["id"])

        report = await becomes(employer, issued["credential"], "unknown")
        assert report["reason"] == "status_unavailable"
        for _ in range(10):
            assert (await verify(employer, issued["credential"]))["verdict"] == "unknown"
            await asyncio.sleep(0.1)

        stack.processes["issuer", "worker"].start()
        report = await becomes(employer, issued["credential"], "invalid")
        assert report["reason"] == "revoked"
        await employer.aclose()


async def test_after_ten_idle_minutes_a_badge_is_still_valid(
    tmp_path: Path, clean_database: Databases, event_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, event_log) as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        employer = await register_employer(stack.urls, stack.operator_key)
        issued = await institution.issue(await institution.achievement())
        await becomes(employer, issued["credential"], "valid")

        await move_clocks(stack, "10 minutes")
        later = datetime.now(UTC) + timedelta(minutes=9)

        async def fresh() -> Any:
            answer = await employer.post("/v1/verifications", json={"credential": issued["credential"]})
            report = answer.json()
            return answer.status_code == 200 and report["verdict"] == "valid" and report

        report = await eventually(fresh)
        assert datetime.fromisoformat(report["status_as_of"]) > later
        await employer.aclose()


async def test_right_after_201_a_badge_is_valid_or_not_yet_recorded_never_invalid(
    tmp_path: Path, clean_database: Databases, event_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, event_log) as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        employer = await register_employer(stack.urls, stack.operator_key)
        achievement = await institution.achievement()
        first = await institution.issue(achievement)
        await becomes(employer, first["credential"], "valid")
        said = set()
        for _ in range(20):
            issued = await institution.issue(achievement)
            for pause in (0.0, 0.03):
                await asyncio.sleep(pause)
                report = await verify(employer, issued["credential"])
                said.add((report["verdict"], report["reason"]))
        assert said <= {("valid", None), ("unknown", "not_yet_recorded")}
        await employer.aclose()
