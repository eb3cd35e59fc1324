"""Whatever is killed under load: afterwards nothing is lost or doubled, and all queues run empty by themselves."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import embedded_settings, kafka_settings
from tests.support.kafka import PrivateBroker
from tests.support.load import Load, under_load
from tests.support.people import register_institution
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase, PostgresServer, PrivateCluster
from tests.support.stack import ROOT, SERVICES, Stack, standing

Databases = Callable[[str], CleanDatabase]


async def balance(stack: Stack, load: Load, folder: Path) -> None:
    """The ledger check finds nothing wrong, once what is under way has come through."""
    acknowledged = load.acknowledged(folder / "acknowledged.jsonl")
    environment = {"LAUREL_OPERATOR_KEY": stack.operator_key, "PATH": "/usr/bin:/bin"}
    environment |= {f"LAUREL_URL_{service.upper()}": url for service, url in stack.urls.items()}
    command = [sys.executable, "-m", "cli", "ledger-check", "--settle", "120", "--acknowledged", str(acknowledged)]
    checked = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 violations" in checked.stdout, checked.stdout


async def some_more(load: Load, count: int = 15) -> None:
    """Wait until so many more badges were acknowledged: the system works (again)."""
    before = len(load.issued)
    await eventually(lambda: len(load.issued) >= before + count, within=120)


async def test_a_broker_killed_under_load_loses_and_doubles_nothing(
    tmp_path: Path, clean_database: Databases, private_broker: PrivateBroker
) -> None:
    await private_broker.start()
    event_log = await kafka_settings(private_broker.bootstrap, "")
    async with standing(tmp_path, clean_database, event_log) as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        async with under_load(institution, await institution.achievement()) as load:
            await some_more(load)
            private_broker.sigkill()
            await some_more(load)  # issuing goes on without a broker
            await private_broker.start()
            await some_more(load)
        await balance(stack, load, tmp_path)


@pytest.fixture(params=["embedded", "kafka"])
def log_elsewhere(request: pytest.FixtureRequest) -> dict[str, str] | None:
    """Settings of a log that does not die with the database; None where it is in there."""
    settings: dict[str, str] | None = request.getfixturevalue("kafka_log") if request.param == "kafka" else None
    return settings


async def test_postgres_killed_under_load_loses_and_doubles_nothing(
    tmp_path: Path, private_postgres: PrivateCluster, log_elsewhere: dict[str, str] | None
) -> None:
    await private_postgres.start()
    server = PostgresServer(private_postgres.cluster.admin_dsn)
    server.bootstrap()
    event_log = log_elsewhere or await embedded_settings(server.create)
    async with standing(tmp_path, server.create, event_log) as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        async with under_load(institution, await institution.achievement()) as load:
            await some_more(load)
            private_postgres.sigkill()
            await asyncio.sleep(0.5)
            await private_postgres.start()
            await some_more(load)
        await balance(stack, load, tmp_path)


async def test_workers_killed_again_and_again_under_load_lose_and_double_nothing(
    tmp_path: Path, clean_database: Databases, event_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, event_log, split=True) as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        async with under_load(institution, await institution.achievement()) as load:
            for service in SERVICES * 2:
                worker = stack.processes[service, "worker"]
                await some_more(load, 10)
                worker.sigkill()
                worker.start()
                await worker.ready()
            await some_more(load, 10)
        await balance(stack, load, tmp_path)
