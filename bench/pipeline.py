"""`python -m bench.pipeline [ROWS] [--broker kafka]`: from asked for to logged, and news at 200 a second.

It runs a Laurel of its own, as `make bench` does, has ROWS badges issued by a file of learners (with `--requests` by
requests of 1,000), and waits until each is recorded and stands in the transparency log under a published checkpoint.
"""

import argparse
import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from rich.console import Console
from rich.table import Table

from bench.anchors import raw_signing
from bench.processes import costs
from bench.services import percentile, processes, rest
from deploy.embedded import postgres, start, supervision
from deploy.embedded.installation import Installation, find
from deploy.postgres import Stack
from tests.support.people import Institution, register_institution

ROWS = 5_000
# As many as a call may have, and as many calls at once as there are cores.
A_CALL, CALLS = 1_000, 2
WARM_UP = 200
# Enough to keep that pace where a call takes a tenth of a second; a slower Laurel is asked less often.
PER_SECOND, SECONDS, CLIENTS = 200, 5, 20
# How many are issued by one call.
CALLED = (1, 20)
LOOK_SECONDS, JOB_LOOK_SECONDS = 0.02, 0.5
IDLE_SECONDS = 5.0

LOGGED = """
    select e.event_id from log_entries e join history h using (event_id)
    where h.credential_id = any($1) and h.type = 'issued'
      and e.log_index < (select max(size) from log_checkpoints c where c.tree = e.tree and published_at is not null)
"""
PUBLISHED = "select coalesce(max(size), 0) from log_checkpoints where published_at is not null"

JOBS, BATCH = "/v1/issuance-jobs", "/v1/credentials/batch"


@dataclass(frozen=True)
class Run:
    """The seconds until every badge was accepted and logged (`wall`), and the CPU-seconds of each process by then.

    Of these, `linted` were spent until the last row of a file was found to be right. `idle` is what each process takes
    in a second in which nothing is asked of it.
    """

    rows: int
    accepted: float
    wall: float
    linted: dict[str, float]
    spent: dict[str, float]
    idle: dict[str, float]


@dataclass(frozen=True)
class News:
    """Seconds that each piece of news took, in order, and how many were made a second."""

    what: str
    seconds: Sequence[float]
    per_second: float


class Bench:
    """An institution at work, and a view into two databases."""

    def __init__(self, installation: Installation, institution: Institution, achievement: str) -> None:
        self.processes = processes(installation, "console")
        self._institution = institution
        self._achievement = achievement
        self._admin_dsn = postgres.prepare(installation.home / "postgres").admin_dsn
        self._issued: list[UUID] = []

    @classmethod
    async def begin(cls, installation: Installation) -> "Bench":
        institution = await register_institution(installation.urls, installation.operator_key_file.read_text().strip())
        institution.client.timeout = httpx.Timeout(600)
        return cls(installation, institution, await institution.achievement())

    async def end(self) -> None:
        await self._institution.client.aclose()

    async def run(self, rows: int, *, requests: bool) -> Run:
        """Issue `rows` badges, each to a learner of its own, and wait for them."""
        issue = self._request if requests else self._send
        await issue(range(WARM_UP))
        await rest(self.processes)
        idle = await self._idle()
        registry = await self._connect("registry")
        base = await registry.fetchval(PUBLISHED)
        before, began = self._spent(), time.monotonic()
        linted = await issue(range(WARM_UP, WARM_UP + rows))
        accepted = time.monotonic() - began
        while await registry.fetchval(PUBLISHED) < base + rows:  # noqa: ASYNC110  # it happens in other processes
            await asyncio.sleep(LOOK_SECONDS)
        wall, logged = time.monotonic() - began, self._spent()
        found = await registry.fetch(LOGGED, self._issued)
        assert len({row["event_id"] for row in found}) == rows + WARM_UP, "each badge is logged once"
        await registry.close()
        return Run(rows, accepted, wall, _difference(before, linted or before), _difference(before, logged), idle)

    async def revoked(self) -> News:
        """Revoke at a steady pace, until the verifier has heard of each."""
        chosen = iter(self._issued)

        async def revoke() -> list[UUID]:
            credential_id = next(chosen)
            await self._institution.revoke(str(credential_id))
            return [credential_id]

        look = "select id from credentials where id = any($1) and status = 'revoked'"
        return await self._news("revoke to revoked at the verifier", revoke, 1, "verifier", look)

    async def logged(self) -> list[News]:
        """Issue at a steady pace, until each badge is under a published checkpoint."""

        async def issue(count: int) -> list[UUID]:
            recipients = [{"email": "learner@example.org"}] * count
            body = {"achievement_id": self._achievement, "recipients": recipients}
            answer = await self._institution.client.post(BATCH, json=body)
            return [UUID(row["id"]) for row in answer.raise_for_status().json()["results"]]

        look = LOGGED.replace("e.event_id", "h.credential_id as id", 1)
        return [await self._news("issue to logged", partial(issue, each), each, "registry", look) for each in CALLED]

    async def _news(
        self, what: str, make: Callable[[], Awaitable[list[UUID]]], a_call: int, service: str, look: str
    ) -> News:
        """Have `PER_SECOND` made a second, `a_call` of them by each call, or as many as can be; at rest first."""
        await rest(self.processes)
        waiting: dict[UUID, float] = {}
        seen: list[float] = []
        count, began = PER_SECOND * SECONDS, time.monotonic()
        ended, numbers = began, iter(range(0, count, a_call))

        async def client() -> None:
            nonlocal ended
            for number in numbers:
                await asyncio.sleep(began + number / PER_SECOND - time.monotonic())
                made = await make()
                ended = time.monotonic()
                waiting.update(dict.fromkeys(made, ended))

        connection = await self._connect(service)
        async with asyncio.TaskGroup() as work:
            for _ in range(CLIENTS):
                work.create_task(client())
            while len(seen) < count:
                await asyncio.sleep(LOOK_SECONDS)
                rows: Any = await connection.fetch(look, list(waiting))
                seen += [time.monotonic() - waiting.pop(row["id"]) for row in rows]
        await connection.close()
        return News(f"{what}, {a_call} a call", sorted(seen), count / (ended - began))

    async def _send(self, learners: Sequence[int]) -> dict[str, float]:
        """Issue by a file; return what each process has spent when all of it was linted."""
        text = "name,email\n" + "".join(f"Learner {each},learner{each}@example.org\n" for each in learners)
        address = f"{JOBS}?achievement_id={self._achievement}&auto_confirm=true"
        answer = await self._institution.client.post(address, content=text, headers={"Content-Type": "text/csv"})
        answer.raise_for_status()
        job = answer.json()["id"]
        await self._reached(job, "running", "done")
        linted = self._spent()
        done = await self._reached(job, "done")
        assert done["issued"] == len(learners), done
        issuer = await self._connect("issuer")
        rows = await issuer.fetch("select credential_id from issued_rows where job_id = $1", UUID(job))
        await issuer.close()
        self._issued += [row["credential_id"] for row in rows]
        return linted

    async def _reached(self, job: str, *states: str) -> dict[str, Any]:
        while True:
            found: dict[str, Any] = (await self._institution.client.get(f"{JOBS}/{job}")).json()
            if found["state"] in states:
                return found
            assert found["state"] not in ("failed", "paused", "cancelled"), found
            await asyncio.sleep(JOB_LOOK_SECONDS)

    async def _request(self, learners: Sequence[int]) -> None:
        calls = iter(range(0, len(learners), A_CALL))

        async def client() -> None:
            for first in calls:
                recipients = [{"email": f"learner{each}@example.org"} for each in learners[first : first + A_CALL]]
                body = {"achievement_id": self._achievement, "recipients": recipients}
                key = {"Idempotency-Key": f"{first}-{learners[first]}"}
                while True:  # it goes on where it ended, should signing have been too slow for it
                    answer = await self._institution.client.post(BATCH, json=body, headers=key)
                    if answer.is_success:
                        break
                self._issued += [UUID(row["id"]) for row in answer.json()["results"]]

        async with asyncio.TaskGroup() as clients:
            for _ in range(CALLS):
                clients.create_task(client())

    async def _connect(self, service: str) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(Stack().dsn(self._admin_dsn, service, "worker"))

    async def _idle(self) -> dict[str, float]:
        before, began = self._spent(), time.monotonic()
        await asyncio.sleep(IDLE_SECONDS)
        seconds = time.monotonic() - began
        return {name: spent / seconds for name, spent in _difference(before, self._spent()).items()}

    def _spent(self) -> dict[str, float]:
        return {name: cost.cpu_seconds for name, cost in costs(self.processes).items()}


def _difference(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: after[name] - before[name] for name in before}


def main() -> None:
    """Measure in a scratch folder that is removed afterwards."""
    parser = argparse.ArgumentParser(prog="bench.pipeline", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS)
    parser.add_argument("--broker", choices=["embedded", "kafka"], default="embedded")
    parser.add_argument("--no-news", action="store_true", help="leave out what is measured at 200 a second")
    parser.add_argument("--requests", action="store_true", help="issue by requests, not by a file")
    wanted = parser.parse_args()
    if not wanted.no_news and WARM_UP + wanted.rows < PER_SECOND * SECONDS:
        parser.error(
            f"The news needs {PER_SECOND * SECONDS - WARM_UP} rows at least, to revoke them; or say --no-news."
        )
    with tempfile.TemporaryDirectory(prefix="laurel-bench-") as folder:
        environment = {"LAUREL_HOME": str(Path(folder) / "home"), "PORT": os.environ.get("PORT") or "18400"}
        installation = find({**environment, "BROKER": wanted.broker})
        start.start(installation)
        try:
            asyncio.run(measure(installation, wanted.rows, requests=wanted.requests, news=not wanted.no_news))
        finally:
            supervision.end(installation)


async def measure(installation: Installation, rows: int, *, requests: bool, news: bool) -> None:
    """Work on a Laurel that runs and is otherwise idle, and print each figure once it is there."""
    console = Console(width=120)
    bench = await Bench.begin(installation)
    try:
        show_run(console, await bench.run(rows, requests=requests), installation.broker)
        if news:
            show_news(console, [await bench.revoked(), *await bench.logged()])
    finally:
        await bench.end()


def show_run(console: Console, run: Run, broker: str) -> None:
    """Print what a badge has cost."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}, event log: {broker}, load: {load}")
    raw = run.rows / raw_signing()
    console.print(
        f"{run.rows:,} badges: accepted in {run.accepted:.1f} s, recorded and logged in {run.wall:.1f} s "
        f"({run.rows / run.wall:,.0f} a second); raw Ed25519 signing of as many: {raw:.2f} s of one core"
    )
    columns = ("process", "all", "of it linting", "without idling", "idling, a second")
    table = Table(*columns, title="CPU-milliseconds a badge until all are logged")
    lines = [(name, run.spent[name], run.linted[name], run.idle[name]) for name in run.spent]
    lines.append(("all", sum(run.spent.values()), sum(run.linted.values()), sum(run.idle.values())))
    for name, spent, linted, idle in lines:
        each = (spent / run.rows, linted / run.rows, (spent - idle * run.wall) / run.rows, idle)
        table.add_row(name, *(f"{seconds * 1000:.2f}" for seconds in each))
    console.print(table)


def show_news(console: Console, news: Sequence[News]) -> None:
    """Print how fast news travels."""
    table = Table("news", "made a second", "p50", "p99", "largest", title="Milliseconds")
    for each in news:
        times = (percentile(each.seconds, 50), percentile(each.seconds, 99), each.seconds[-1])
        table.add_row(each.what, f"{each.per_second:.0f}", *(f"{seconds * 1000:.0f}" for seconds in times))
    console.print(table)


if __name__ == "__main__":
    main()
