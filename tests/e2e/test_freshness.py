"""What the verifier may say while news is on its way, or does not come."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
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

    found: dict[str, Any] = await eventually(report, within=120)
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


BOUND = timedelta(seconds=8)


async def test_with_the_relay_stopped_a_revoked_badge_is_unknown_within_the_bound_and_never_valid_again(
    tmp_path: Path, clean_database: Databases, event_log: dict[str, str]
) -> None:
    bound = f"PT{BOUND.seconds}S"
    async with standing(tmp_path, clean_database, event_log, split=True, max_status_age=bound) as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        employer = await register_employer(stack.urls, stack.operator_key)
        issued = await institution.issue(await institution.achievement())
        await becomes(employer, issued["credential"], "valid")
        relay = stack.processes["issuer", "worker"]
        await relay.stop()
        stopped = datetime.now(UTC)
        await institution.revoke(issued["id"])

        reports: list[dict[str, Any]] = []
        await eventually(lambda: says(employer, issued["credential"], "unknown", reports))
        for _ in range(10):
            await says(employer, issued["credential"], "unknown", reports)
        assert {report["verdict"] for report in reports} <= {"valid", "unknown"}
        assert reports[-1]["reason"] == "status_unavailable"
        # However slowly all this ran: nothing was called valid on what was older than the bound, and what was once
        # too old stayed so. Heartbeats from before the stop may come late.
        assert all(freshness(report) <= BOUND for report in reports if report["verdict"] == "valid")
        assert all(as_of(report) <= stopped for report in reports)
        for _, group in groupby(reports, key=as_of):
            assert course(group) in (["valid"], ["unknown"], ["valid", "unknown"])

        relay.start()
        await relay.ready()
        reports.clear()
        await eventually(lambda: says(employer, issued["credential"], "invalid", reports))
        assert course(reports) in (["unknown", "invalid"], ["invalid"])
        assert reports[-1]["reason"] == "revoked"
        await employer.aclose()


async def says(
    employer: httpx.AsyncClient, credential: dict[str, Any], verdict: str, reports: list[dict[str, Any]]
) -> bool:
    """Whether the verifier's next report has this verdict; it is added to `reports`."""
    reports.append(await verify(employer, credential))
    return bool(reports[-1]["verdict"] == verdict)


def course(reports: Iterable[dict[str, Any]]) -> list[str]:
    """The verdicts in their order, each stretch of the same once."""
    return [verdict for verdict, _ in groupby(reports, key=lambda report: str(report["verdict"]))]


def as_of(report: dict[str, Any]) -> datetime:
    """Up to when the verifier had heard all."""
    return datetime.fromisoformat(report["status_as_of"])


def freshness(report: dict[str, Any]) -> timedelta:
    """How old that was when the report was made."""
    return datetime.fromisoformat(report["verified_at"]) - as_of(report)


async def test_right_after_201_and_after_ten_idle_minutes_a_badge_is_never_invalid(
    tmp_path: Path, clean_database: Databases, event_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, event_log) as stack:
        await right_after_201_it_is_valid_or_not_yet_recorded(stack)
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


async def right_after_201_it_is_valid_or_not_yet_recorded(stack: Stack) -> None:
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
