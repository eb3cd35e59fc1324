"""Gives tests a real PostgreSQL: one cluster a session, a clean database a test, private clusters for faults.

`TEST_POSTGRES_DSN` (a superuser's postgresql:// URL) names a cluster to use; otherwise the
wheel's is started.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from deploy.embedded.postgres import Cluster, prepare
from deploy.postgres import DATABASES, KINDS, Stack, address, bootstrap, guard
from shared.migrate import migrate

ROOT = Path(__file__).resolve().parents[2]
# Without these a killed server loses nothing, only a machine without power does; tests are spared the waiting.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}
# A session copies a database some thousand times, which memory does in a fifth of the time that a disk takes.
MEMORY = Path("/dev/shm")
ROOM = 4 << 30


@dataclass(frozen=True)
class CleanDatabase:
    """A database of one service with nothing but its migrations, and each role's address for it."""

    service: str
    name: str
    owner: str
    app: str
    worker: str
    superuser: str


class PostgresServer:
    """A cluster with a stack's roles and one migrated template a service, which clean databases copy."""

    def __init__(self, admin_dsn: str) -> None:
        self.admin_dsn = admin_dsn
        # The roles stay in a shared cluster; the databases carry a name of this run's own and are dropped.
        self.stack = Stack(role_prefix="laurel_test", database_prefix=f"laurel_test_{uuid.uuid4().hex[:8]}_")
        self._migrated: set[str] = set()

    def bootstrap(self) -> None:
        """Make roles and template databases."""
        bootstrap(self.admin_dsn, self.stack)

    def create(self, service: str) -> CleanDatabase:
        """Make a clean database of `service`."""
        template = self.stack.database(service)
        if service not in self._migrated:
            migrate(self.stack.dsn(self.admin_dsn, service, "owner"), service)
            self._migrated.add(service)
        name = f"{template}_{uuid.uuid4().hex[:12]}"
        owner = self.stack.role(service, "owner")
        with psycopg.connect(self.admin_dsn, autocommit=True) as admin:
            names = map(Identifier, (name, owner, template))
            admin.execute(SQL("create database {} owner {} template {} strategy file_copy").format(*names))
            guard(admin, self.stack, service, name)
        dsns = {kind: self.stack.dsn(self.admin_dsn, service, kind, name) for kind in KINDS}
        return CleanDatabase(service, name, **dsns, superuser=address(self.admin_dsn, name))

    def drop(self, *databases: str) -> None:
        """Drop `databases`, whoever is still connected."""
        with psycopg.connect(self.admin_dsn, autocommit=True) as admin:
            for name in databases:
                admin.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))


class PrivateCluster:
    """A cluster of the wheel's binaries that a test may start, stop and kill without harm to others."""

    def __init__(self, home: Path, settings: Mapping[str, str] = {}) -> None:
        self.home = home
        self.cluster: Cluster = prepare(home)
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self, within: float = 60) -> None:
        """Return once it takes connections; RuntimeError with its log where it ends or takes over `within` seconds."""
        self.process = self._spawn()
        deadline = time.monotonic() + within
        while not await self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self.home / 'server.log').read_text()}")
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        """End it as its process manager would: connections are cut, everything is on disk."""
        server = self._running()
        server.send_signal(signal.SIGINT)
        server.wait(60)

    def sigkill(self) -> None:
        """Kill the server and every backend at once; what was committed must be there after the next start."""
        server = self._running()
        backends = psutil.Process(server.pid).children()
        server.kill()
        for backend in backends:
            with suppress(psutil.NoSuchProcess):
                backend.kill()
        server.wait(60)
        # While one of them lives it holds the shared memory, and a new server refuses to start.
        psutil.wait_procs(backends, 60)

    def remove(self) -> None:
        """Stop it and remove its socket folder, which lies outside `home`."""
        if self.process is not None:
            self.stop()
        shutil.rmtree(self.cluster.socket_folder, ignore_errors=True)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        options = [f"--set={name}={value}" for name, value in self.settings.items()]
        start = [sys.executable, "-m", "deploy.embedded.postgres", "--home", str(self.home), *options]
        with (self.home / "server.log").open("ab") as log:
            return subprocess.Popen(start, cwd=ROOT, stdout=log, stderr=log)

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self.process is not None, "not started"
        process, self.process = self.process, None
        return process

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.cluster.admin_dsn)
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True


@pytest.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PostgresServer]:
    """The session's PostgreSQL, with roles and templates."""
    given = os.environ.get("TEST_POSTGRES_DSN")
    home = memory() or tmp_path_factory.mktemp("postgres")
    own = None if given else PrivateCluster(home, NOT_DURABLE)
    if own is not None:
        await own.start()
    server = PostgresServer(given or own.cluster.admin_dsn)  # type: ignore[union-attr]  # one of the two is there
    server.bootstrap()
    yield server
    server.drop(*map(server.stack.database, DATABASES))
    if own is not None:
        own.remove()
        shutil.rmtree(home)


def memory() -> Path | None:
    """Make a folder in the machine's memory, and remove those of sessions that were killed; None where is no room."""
    if not MEMORY.is_dir():
        return None
    for left in MEMORY.glob("laurel-test-*"):
        if not psutil.pid_exists(int(left.name.split("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    if shutil.disk_usage(MEMORY).free < ROOM:
        return None
    return Path(tempfile.mkdtemp(prefix=f"laurel-test-{os.getpid()}-", dir=MEMORY))


@pytest.fixture
def clean_database(postgres: PostgresServer) -> Iterator[Callable[[str], CleanDatabase]]:
    """Makes clean databases by service name (`clean_database("issuer")`); they are dropped after the test."""
    made: list[str] = []

    def create(service: str) -> CleanDatabase:
        database = postgres.create(service)
        made.append(database.name)
        return database

    yield create
    postgres.drop(*made)


@pytest.fixture
def private_postgres(tmp_path: Path) -> Iterator[PrivateCluster]:
    """A durable cluster of the test's own, not started yet; PostgresServer gives it databases."""
    cluster = PrivateCluster(tmp_path / "postgres")
    yield cluster
    cluster.remove()
