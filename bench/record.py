"""`python -m bench.record`: the registry's log on PostgreSQL at 10 k, 100 k and 1 M leaves; how soon an event is in.

Appending costs what the tree's right edge costs, not what its size does: the last column is what 1 M leaves cost beside
10 k. CPU time is this process's and PostgreSQL's together.
"""

import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
from rich.console import Console
from rich.table import Table

from bench.anchors import raw_signing
from bench.processes import cost
from bench.services import percentile
from services.registry.domain.leaves import Leaf
from services.registry.log import LogKeeper, SecondPlaces, Terms
from services.registry.log.appending import BATCH, append
from services.registry.log.checkpoints import Checkpoints
from services.registry.log.current import Log, open_log
from services.registry.log.tree import inclusion_proof
from services.registry.log.witnesses import Witnesses
from services.registry.store import log as store
from shared.db import Database
from shared.ids import new_id
from shared.messaging.embedded import EmbeddedLog
from shared.sealing import Sealer
from shared.transparency.growing import Edge, grow
from shared.transparency.merkle import leaf_hash
from tests.support.postgres import PostgresServer, PrivateCluster

SIZES = (10_000, 100_000, 1_000_000)
APPENDS = 40
PROOFS = 400
CHECKPOINTS = 40
FILL = 25_600
PER_SECOND = 200
SECONDS = 15
RANDOM = Random(6)


class Bench:
    """A registry's database with a log in it, and nobody who keeps it."""

    def __init__(self, database: Database, event_log: EmbeddedLog, server_pid: int, kek_file: Path) -> None:
        self.database = database
        self.event_log = event_log
        self.server_pid = server_pid
        self.kek_file = kek_file
        self.edge = Edge()

    async def open(self) -> Log:
        """Open the log, which is made the first time."""
        async with self.database.transaction() as tx:
            return await open_log(tx, Sealer.from_file(self.kek_file), "log.bench.example")

    async def fill(self, current: Log, size: int) -> None:
        """Let the log have `size` leaves, past the appending that is to be measured."""
        while self.edge.size < size:
            count = min(FILL, size - self.edge.size)
            entries = [RANDOM.randbytes(32) for _ in range(count)]
            growth = grow(self.edge, list(map(leaf_hash, entries)))
            rows = [(new_id(), entry, current.number, self.edge.size + n) for n, entry in enumerate(entries)]
            async with self.database.transaction() as tx:
                await tx.copy_records_to_table(
                    "log_entries", records=rows, columns=["event_id", "entry", "tree", "log_index"]
                )
                await store.put_tiles(tx, current.number, growth.tiles)
                await store.grow(tx, current.number, growth.edge.size, growth.edge.root)
            self.edge = growth.edge

    async def wait_in_line(self, count: int) -> None:
        """Let entries wait for their places."""
        async with self.database.transaction() as tx:
            await store.add(tx, [Leaf(new_id(), RANDOM.randbytes(32)) for _ in range(count)])

    async def measured(self, count: int, operation: Callable[[], Awaitable[Any]]) -> float:
        """Return the CPU milliseconds that one operation costs this process and PostgreSQL."""
        began = time.process_time() + cost(self.server_pid).cpu_seconds
        for _ in range(count):
            await operation()
        return (time.process_time() + cost(self.server_pid).cpu_seconds - began) / count * 1000

    async def costs(self, current: Log, size: int) -> dict[str, float]:
        """Return what each operation costs at a size, in CPU milliseconds."""
        await self.wait_in_line(APPENDS * BATCH)
        async with self.database.session() as connection:
            appended = await self.measured(APPENDS, lambda: append(connection, current))
        self.edge = Edge()  # whatever is measured later begins anew from the table
        publisher = await self.event_log.publisher()
        checkpoints = Checkpoints(self.database, publisher, current, None, Witnesses(self.database, None))  # type: ignore[arg-type]

        async def checkpoint() -> None:
            await self.wait_in_line(1)
            async with self.database.session() as connection:
                await append(connection, current)
            await checkpoints.publish()

        async def append_one() -> None:
            await self.wait_in_line(1)
            async with self.database.session() as connection:
                await append(connection, current)

        async def prove() -> None:
            async with self.database.transaction() as tx:
                await inclusion_proof(tx, current.number, RANDOM.randrange(size), size)

        proven = await self.measured(PROOFS, prove)
        one = await self.measured(CHECKPOINTS, append_one)
        signed = await self.measured(CHECKPOINTS, checkpoint)
        await publisher.close()
        return {f"append {BATCH} leaves": appended, "prove a leaf": proven, "checkpoint": signed - one}


async def latencies(bench: Bench) -> list[float]:
    """Return, in seconds, how long each of 200 events a second waited for a signed and published checkpoint."""
    places = SecondPlaces(bench.event_log)
    keeper = LogKeeper(bench.database, bench.event_log, places, Terms(None, bench.kek_file))
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(5)
    events: list[UUID] = []
    began = time.monotonic()
    for number in range(PER_SECOND * SECONDS):
        leaf = Leaf(new_id(), RANDOM.randbytes(32))
        async with bench.database.transaction() as tx:
            await store.add(tx, [leaf])
        events.append(leaf.event_id)
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
    await asyncio.sleep(5)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    async with bench.database.transaction() as tx:
        rows = await tx.fetch(
            """
            select extract(epoch from (select min(published_at) from log_checkpoints c
                                       where c.tree = e.tree and c.size > e.log_index) - e.added_at)::float8 as waited
            from log_entries e where event_id = any($1::uuid[])
            """,
            events,
        )
    return sorted(row["waited"] for row in rows)


async def main() -> None:
    """Measure on a PostgreSQL of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="laurel-bench-") as folder:
        cluster = PrivateCluster(Path(folder) / "postgres")
        await cluster.start()
        try:
            await _measure(cluster, Path(folder))
        finally:
            cluster.stop()
            cluster.remove()


async def _measure(cluster: PrivateCluster, folder: Path) -> None:
    server = PostgresServer(cluster.cluster.admin_dsn)
    server.bootstrap()
    registry, eventlog = server.create("registry"), server.create("eventlog")
    maker = EmbeddedLog(eventlog.owner)
    await maker.create_topics()
    await maker.close()
    kek = folder / "kek"
    kek.write_bytes(b"A" * 43 + b"=")
    database, event_log = await Database.open(registry.worker), EmbeddedLog(eventlog.app)
    pid = cluster.process.pid if cluster.process else 0
    found: dict[int, dict[str, float]] = {}
    for size in SIZES:
        bench = Bench(database, event_log, pid, kek)
        current = await bench.open()
        await _reset(registry.superuser)
        await bench.fill(current, size)
        found[size] = await bench.costs(current, size)
    waited = await latencies(Bench(database, event_log, pid, kek))
    _show(found, waited)
    await event_log.close()
    await database.close()


async def _reset(dsn: str) -> None:
    """Empty the log, past its triggers, so that each size is filled at once."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("set session_replication_role = replica")
    await connection.execute("truncate log_entries, log_tiles, log_checkpoints, outbox")
    await connection.execute("update log_trees set size = 0, root = sha256('')")
    await connection.execute("vacuum analyze")
    await connection.close()


def _show(found: dict[int, dict[str, float]], waited: list[float]) -> None:
    console = Console(width=120)
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    console.print(f"raw Ed25519: {raw_signing():,.0f} signatures a CPU-second")
    table = Table("CPU milliseconds", *(f"{size:,}" for size in SIZES), "1 M beside 10 k")
    for what in found[SIZES[0]]:
        values = [found[size][what] for size in SIZES]
        table.add_row(what, *(f"{value:.2f}" for value in values), f"{values[-1] / values[0]:.2f}")
    console.print(table)
    table = Table("from recorded to published, milliseconds", "p50", "p99", "largest")
    row = (percentile(waited, 50), percentile(waited, 99), waited[-1])
    table.add_row(f"{PER_SECOND} events a second, {len(waited)} events", *(f"{value * 1000:.0f}" for value in row))
    console.print(table)


if __name__ == "__main__":
    asyncio.run(main())
