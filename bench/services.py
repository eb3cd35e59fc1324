"""Issuing, verifying and revoking over HTTP: what a CPU-second of the servers gives, and how fast news travels."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from bench.processes import Cost, costs
from deploy.embedded import postgres
from deploy.embedded.installation import Installation
from deploy.embedded.launch import holder
from deploy.postgres import SERVICES, Stack
from tests.support.people import Institution, register_employer, register_institution

SINGLE_CALLS = 600
BATCHES = 12
BATCH = 100
CLIENTS = 8
REVOCATIONS_PER_SECOND = 50
REVOCATIONS = 750
# Often enough to tell milliseconds apart, seldom enough not to be what is measured.
# A busy machine is never at rest by less than this.
REST_SECONDS = 20
LOOK_SECONDS = 0.004


@dataclass(frozen=True)
class Rate:
    """How much was done, and what it cost each process in CPU-seconds."""

    what: str
    count: int
    spent: dict[str, float]

    def per_cpu_second(self, *processes: str) -> float:
        """Operations per CPU-second of `processes` (none named: of all of them)."""
        return self.count / sum(self.spent[name] for name in processes or self.spent)


@dataclass(frozen=True)
class Figures:
    """One run's figures."""

    rates: list[Rate]
    seen_after: list[float]
    revoked_per_second: float
    resident: dict[str, int]


async def measure(installation: Installation) -> Figures:
    """Work on a Laurel that runs and is otherwise idle; takes a few minutes."""
    bench = await _Bench.begin(installation)
    try:
        rates = [
            await bench.rate("issue, one a call", SINGLE_CALLS, bench.issue_singly),
            await bench.rate(f"issue, {BATCH} a call", BATCHES * BATCH, bench.issue_batches),
            await bench.rate("verify, one a call", SINGLE_CALLS, bench.verify_singly),
            await bench.rate(f"verify, {BATCH} a call", BATCHES * BATCH, bench.verify_batches),
        ]
        began = time.monotonic()
        seen_after = await bench.revoke_and_see()
        speed = len(seen_after) / (time.monotonic() - began)
        resident = {name: spent.resident_bytes for name, spent in bench.costs().items()}
        return Figures(rates, seen_after, speed, resident)
    finally:
        await bench.end()


class _Bench:
    """An institution and an employer at work, and a view into the verifier's database."""

    def __init__(
        self,
        installation: Installation,
        institution: Institution,
        employer: httpx.AsyncClient,
        achievement: str,
        verifier: "asyncpg.Connection[asyncpg.Record]",
    ) -> None:
        self._processes = processes(installation)
        self._institution = institution
        self._employer = employer
        self._achievement = achievement
        self._verifier = verifier
        self._issued: list[dict[str, Any]] = []

    @classmethod
    async def begin(cls, installation: Installation) -> "_Bench":
        key = installation.operator_key_file.read_text().strip()
        institution = await register_institution(installation.urls, key)
        employer = await register_employer(installation.urls, key)
        admin_dsn = postgres.prepare(installation.home / "postgres").admin_dsn
        verifier = await asyncpg.connect(Stack().dsn(admin_dsn, "verifier", "worker"))
        return cls(installation, institution, employer, await institution.achievement(), verifier)

    async def end(self) -> None:
        await self._verifier.close()
        await self._employer.aclose()
        await self._institution.client.aclose()

    def costs(self) -> dict[str, Cost]:
        return costs(self._processes)

    async def rate(self, what: str, count: int, work: Callable[[int], Awaitable[None]]) -> Rate:
        """Do a little of it to warm up, then all of it; counts until what it set off has come to rest as well."""
        await work(BATCH)
        await rest(self._processes)
        before = self.costs()
        await work(count)
        await rest(self._processes)
        after = self.costs()
        return Rate(what, count, {name: after[name].cpu_seconds - before[name].cpu_seconds for name in before})

    async def issue_singly(self, count: int) -> None:
        async def one(number: int) -> None:
            self._issued.append(await self._institution.issue(self._achievement, f"learner{number}@example.org"))

        await _side_by_side(range(count), one)

    async def issue_batches(self, count: int) -> None:
        for start in range(0, count, BATCH):
            recipients = [{"email": f"learner{number}@example.org"} for number in range(start, start + BATCH)]
            body = {"achievement_id": self._achievement, "recipients": recipients}
            answer = await self._institution.client.post("/v1/credentials/batch", json=body)
            assert all(row["status"] == "issued" for row in answer.json()["results"]), answer.text

    async def verify_singly(self, count: int) -> None:
        async def one(number: int) -> None:
            await self._valid(
                "/v1/verifications", {"credential": self._issued[number % len(self._issued)]["credential"]}
            )

        await _side_by_side(range(count), one)

    async def verify_batches(self, count: int) -> None:
        credentials = [each["credential"] for each in self._issued[:BATCH]]
        for _ in range(count // BATCH):
            await self._valid("/v1/verifications/batch", {"credentials": credentials})

    async def _valid(self, path: str, body: dict[str, Any]) -> None:
        answer = (await self._employer.post(path, json=body)).json()
        reports = answer.get("results", [answer])
        assert all(report["verdict"] == "valid" for report in reports), reports[0]

    async def revoke_and_see(self) -> list[float]:
        """Revoke at a steady pace; return for each the seconds from the answer 200 to the verifier's knowing it."""
        waiting: dict[UUID, float] = {}
        seen: list[float] = []
        chosen = [each["id"] for each in self._issued[:REVOCATIONS]]

        async def revoke(number: int, credential_id: str) -> None:
            await asyncio.sleep(number / REVOCATIONS_PER_SECOND)
            await self._institution.revoke(credential_id)
            waiting[UUID(credential_id)] = time.monotonic()

        async with asyncio.TaskGroup() as work:
            for number, credential_id in enumerate(chosen):
                work.create_task(revoke(number, credential_id))
            while len(seen) < len(chosen):
                await asyncio.sleep(LOOK_SECONDS)
                revoked = await self._revoked(list(waiting))
                seen += [time.monotonic() - waiting.pop(credential_id) for credential_id in revoked]
        return sorted(seen)

    async def _revoked(self, ids: Sequence[UUID]) -> list[UUID]:
        rows = await self._verifier.fetch(
            "select id from credentials where id = any($1) and status = 'revoked'", list(ids)
        )
        return [row["id"] for row in rows]


async def rest(names: Mapping[str, int]) -> None:
    """Wait until every process is as good as idle, and no longer than what anything takes: idling costs something."""
    for _ in range(REST_SECONDS):
        before = sum(cost.cpu_seconds for cost in costs(names).values())
        await asyncio.sleep(1.0)
        if sum(cost.cpu_seconds for cost in costs(names).values()) - before < 0.5:
            return


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value below which `percent` per cent of `values` lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def processes(installation: Installation, *further: str) -> dict[str, int]:
    """Return the process ids of PostgreSQL, the services, the broker, and `further` programs of an installation."""
    found = {}
    for name in ("postgres", *SERVICES, *(["kafka"] if installation.broker == "kafka" else []), *further):
        process = holder(installation.home, name)
        assert process is not None, f"{name} does not run"
        found[name] = process
    return found


async def _side_by_side(numbers: Sequence[int], work: Callable[[int], Awaitable[None]]) -> None:
    remaining = iter(numbers)

    async def client() -> None:
        for number in remaining:
            await work(number)

    async with asyncio.TaskGroup() as clients:
        for _ in range(CLIENTS):
            clients.create_task(client())
