"""Brings an installation up: PostgreSQL and broker, databases, topics, services; each step may be repeated."""

import asyncio
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from deploy.embedded import demo, postgres, preflight, supervision
from deploy.embedded.installation import Installation, SetupError
from deploy.embedded.programs import programs
from deploy.postgres import SERVICES, Stack, bootstrap
from shared.messaging.log import open_log
from shared.migrate import migrate
from shared.settings import Settings

READY_SECONDS = 120.0


def is_whole(installation: Installation) -> bool:
    """Tell whether every program runs and every service is ready."""
    if not supervision.runs(installation):
        return False
    try:
        standing = supervision.standings(installation)
    except OSError:
        return False  # the process manager is on its way out
    with httpx.Client(timeout=5) as http:
        return all(each.state in ("STARTING", "RUNNING") for each in standing) and not _not_ready(installation, http)


def start(installation: Installation) -> None:
    """Start what does not run, and return when every service is ready; raises SetupError where one is not."""
    said = _Steps()
    if not supervision.runs(installation):
        supervision.end(installation)  # what a killed process manager left behind
        preflight.check(installation)
        installation.prepare()
    cluster = _prepare_postgres(installation)
    listed = programs(installation, cluster.admin_dsn)
    if not supervision.runs(installation):
        supervision.start_manager(installation, listed)
    supervision.start(installation, [each.name for each in listed if each.first])
    _await_postgres(installation, cluster.admin_dsn)
    said("PostgreSQL answers")
    _prepare_databases(cluster.admin_dsn)
    said("the databases are up to date")
    if installation.broker == "kafka":
        _await_broker(installation)
        said("Apache Kafka answers")
    asyncio.run(_make_topics(installation, cluster.admin_dsn))
    supervision.start(installation, [each.name for each in listed if not each.first])
    said("the services are starting")
    _await_ready(installation)
    said("every service is ready")


def keep_addresses(installation: Installation) -> None:
    """Write demo.json without a demo, unless it is there."""
    if not demo.read(installation):
        demo.write_addresses(installation)


class _Steps:
    """Prints each step with the seconds since the first."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, step: str) -> None:
        print(f"{time.monotonic() - self._started:6.1f} s  {step}", flush=True)


def _prepare_postgres(installation: Installation) -> postgres.Cluster:
    try:
        return postgres.prepare(installation.home / "postgres")
    except RuntimeError as error:
        raise SetupError(str(error)) from error


def _await_postgres(installation: Installation, admin_dsn: str) -> None:
    try:
        postgres.await_ready(admin_dsn)
    except TimeoutError as error:
        raise SetupError(f"{error}\nThe end of its log:\n{_tail(installation.logs / 'postgres.log')}") from error


def _prepare_databases(admin_dsn: str) -> None:
    bootstrap(admin_dsn, Stack())
    for name in SERVICES:
        migrate(Stack().dsn(admin_dsn, name, "owner"), name)


async def _make_topics(installation: Installation, admin_dsn: str) -> None:
    settings = Settings(
        log=installation.broker,
        # The embedded log's tables belong to its owner; services only write to them.
        eventlog_dsn=Stack().dsn(admin_dsn, "eventlog", "owner"),
        kafka_bootstrap=f"127.0.0.1:{installation.port_of('kafka')}",
    )
    event_log = open_log(settings)
    await event_log.create_topics()
    await event_log.close()


def _await_broker(installation: Installation) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _listens(installation.port_of("kafka")):
        _refuse_failures(installation, ["kafka"], deadline)
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _await_ready(installation: Installation) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with httpx.Client(timeout=5) as http:
        while waiting := _not_ready(installation, http):
            _refuse_failures(installation, waiting, deadline)
            time.sleep(0.2)


def _refuse_failures(installation: Installation, waiting: Sequence[str], deadline: float) -> None:
    failed = [each.name for each in supervision.standings(installation) if each.state in ("BACKOFF", "FATAL")]
    if failed or time.monotonic() > deadline:
        name = (failed or waiting)[0]
        log = _tail(installation.logs / f"{name}.log")
        raise SetupError(f"The {name} does not get ready; 'make down' stops the rest. The end of its log:\n{log}")


def _not_ready(installation: Installation, http: httpx.Client) -> list[str]:
    return [name for name, url in installation.urls.items() if not _answers(http, f"{url}/readyz")]


def _answers(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(url).is_success
    except httpx.HTTPError:
        return False


def _tail(path: Path, lines: int = 20) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else "(it is empty)"
