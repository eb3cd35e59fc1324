"""`python -m bench.lint [ROWS ...]`: the issuer's memory while files of 10 k, 100 k and 1 M rows are sent and linted.

The issuer's routes and worker are processes of their own; the peak of each is its VmHWM, set back before each file.
The jobs are cancelled when every row is looked at: nothing is signed.
"""

import asyncio
import base64
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bench.processes import costs
from tests.support.learner_files import LearnerFile
from tests.support.people import Institution, register_institution
from tests.support.poll import eventually
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer, PrivateCluster
from tests.support.service import clean_event_log

SIZES = (10_000, 100_000, 1_000_000)
BAD_IN = 730  # one row in so many is wrong, as 137 in 100,000
ROLES = ("api", "worker")
OPERATOR_KEY = "operator-key-of-a-bench"
JOBS = "/v1/issuance-jobs"
COLUMNS = (
    "rows", "routes: peak MiB", "worker: peak MiB", "sent in, s", "linted in, s", "rows per CPU-second: issuer",
    "with PostgreSQL",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """What one file cost: peaks in KiB by role, CPU-seconds by process, and the seconds that passed."""

    rows: int
    peaks: Mapping[str, int]
    spent: Mapping[str, float]
    uploading: float
    linting: float


async def main(sizes: tuple[int, ...]) -> None:
    """Measure on a PostgreSQL of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="laurel-bench-") as folder:
        cluster = PrivateCluster(Path(folder) / "postgres")
        await cluster.start()
        try:
            async with _issuer(cluster, Path(folder)) as (url, processes):
                institution = await register_institution({"issuer": url}, OPERATOR_KEY)
                achievement = await institution.achievement()
                for rows in sizes:
                    _show(await _run(institution, achievement, processes, rows))
                await institution.client.aclose()
        finally:
            cluster.stop()
            cluster.remove()


async def _run(institution: Institution, achievement: str, processes: Mapping[str, int], rows: int) -> Run:
    file = LearnerFile(rows, rows // BAD_IN)
    for role in ROLES:
        _forget_peak(processes[role])
    before, began = costs(processes), time.monotonic()
    answer = await institution.client.post(
        JOBS,
        params={"achievement_id": achievement},
        content=file.chunks_of_file(),
        headers={"Content-Type": "text/csv"},
        timeout=None,
    )
    assert answer.status_code == 202, answer.text
    sent = time.monotonic()
    job = f"{JOBS}/{answer.json()['id']}"

    async def linted() -> dict[str, Any] | None:
        found: dict[str, Any] = (await institution.client.get(job)).json()
        return found if found["state"] == "preview" else None

    found = await eventually(linted, within=6 * 3600, every=0.5)
    assert (found["rows"], found["errors"]) == (rows, len(file.bad)), found
    after, ended = costs(processes), time.monotonic()
    peaks = {role: _peak(processes[role]) for role in ROLES}
    await institution.client.post(f"{job}/cancel")
    spent = {name: after[name].cpu_seconds - before[name].cpu_seconds for name in processes}
    return Run(rows, peaks, spent, sent - began, ended - sent)


def _forget_peak(process: int) -> None:
    """Set VmHWM back (proc_pid_clear_refs(5))."""
    Path(f"/proc/{process}/clear_refs").write_text("5")


def _peak(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


@asynccontextmanager
async def _issuer(cluster: PrivateCluster, folder: Path) -> AsyncIterator[tuple[str, dict[str, int]]]:
    """Run routes and worker; give the address of the routes, and the processes' ids, PostgreSQL's among them."""
    server = PostgresServer(cluster.cluster.admin_dsn)
    server.bootstrap()
    database, log = server.create("issuer"), await clean_event_log(server.create)
    kek = folder / "kek"
    kek.write_text(base64.b64encode(os.urandom(32)).decode())
    ports = {role: free_port() for role in ROLES}
    common = {
        "LAUREL_OPERATOR_KEY": OPERATOR_KEY,
        "LAUREL_KEK_FILE": str(kek),
        "LAUREL_LOG": "embedded",
        "LAUREL_EVENTLOG_DSN": log.app,
        "LAUREL_OWNER_DSN": database.owner,
        "LAUREL_APP_DSN": database.app,
        "LAUREL_WORKER_DSN": database.worker,
    }
    started = {role: _start(role, {**common, "LAUREL_PORT": str(ports[role])}, folder) for role in ROLES}
    try:
        for port in ports.values():
            await eventually(lambda port=port: _is_ready(port), within=120, every=0.5)
        assert cluster.process is not None
        pids = {role: process.pid for role, process in started.items()} | {"postgres": cluster.process.pid}
        yield f"http://127.0.0.1:{ports['api']}", pids
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            process.wait(60)


def _start(role: str, environment: Mapping[str, str], folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "issuer.log").open("ab") as out:
        command = [sys.executable, "-m", "services.issuer", role]
        return subprocess.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=out)


async def _is_ready(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
        except httpx.HTTPError:
            return False


def _show(run: Run) -> None:
    issuer, all_of_it = sum(run.spent[role] for role in ROLES), sum(run.spent.values())
    table = Table(*COLUMNS, title=f"{os.cpu_count()} cores, Python {platform.python_version()}, load {_load():.0f}")
    cells = [f"{run.peaks[role] / 1024:.0f}" for role in ROLES]
    cells += [f"{run.uploading:.0f}", f"{run.linting:.0f}", f"{run.rows / issuer:,.0f}", f"{run.rows / all_of_it:,.0f}"]
    table.add_row(f"{run.rows:,}", *cells)
    Console(width=140).print(table)


def _load() -> float:
    return os.getloadavg()[0]


if __name__ == "__main__":
    asyncio.run(main(tuple(map(int, sys.argv[1:])) or SIZES))
