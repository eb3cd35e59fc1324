"""Three registry workers at once, killed at random: one tree, in which no leaf is lost or doubled."""

import asyncio
import logging
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg

from tests.support.balance import balance
from tests.support.load import Load, under_load
from tests.support.people import register_institution
from tests.support.poll import eventually
from tests.support.ports import free_port
from tests.support.postgres import CleanDatabase
from tests.support.stack import Process, Stack, standing
from tests.support.warm import ROOT

KILLS = 8


async def test_workers_of_the_registry_killed_at_random_make_one_tree(
    tmp_path: Path, clean_database: Callable[[str], CleanDatabase], kafka_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, kafka_log) as stack:
        more = [_another_worker(stack, tmp_path / str(number)) for number in (1, 2)]
        institution = await register_institution(stack.urls, stack.operator_key)
        try:
            async with under_load(institution, await institution.achievement()) as load:
                await _kill_at_random(load, [stack.processes["registry", "all"], *more])
        finally:
            await asyncio.gather(*[process.stop() for process in more])
        await balance(stack, load, tmp_path)
        await _one_tree(stack, load)
        await asyncio.to_thread(_audited, stack, tmp_path / "audit.json")


def _another_worker(stack: Stack, folder: Path) -> Process:
    folder.mkdir()
    worker = stack.processes["registry", "all"].beside("worker", free_port(), folder)
    worker.start()
    return worker


async def _kill_at_random(load: Load, workers: list[Process]) -> None:
    """Kill each of them once and then whichever it is, while the others go on."""
    seed = random.randrange(2**32)
    logging.getLogger(__name__).warning("seed %d", seed)
    chosen = random.Random(seed)
    each_once = chosen.sample(workers, len(workers))  # so that the leader is killed too
    for worker in [*each_once, *chosen.choices(workers, k=KILLS - len(workers))]:
        before = len(load.issued)
        await eventually(lambda before=before: len(load.issued) >= before + 5, within=120)
        worker.sigkill()
        worker.start()


async def _one_tree(stack: Stack, load: Load) -> None:
    connection = await asyncpg.connect(stack.databases["registry"].superuser)
    rows = await connection.fetch("select log_index from log_entries order by log_index")
    size = await connection.fetchval("select size from log_trees")
    published = await connection.fetchval("select max(size) from log_checkpoints where published_at is not null")
    versions = await connection.fetchval("select count(*) from history")
    await connection.close()
    assert [row["log_index"] for row in rows] == list(range(size))
    assert size == published
    assert versions == len(load.issued) + len(load.revoked)
    assert size >= versions


def _audited(stack: Stack, state: Path) -> None:
    """An outsider finds that everything fits."""
    command = [sys.executable, "-m", "cli", "log", "audit", f"{stack.urls['registry']}/log", "--state", str(state)]
    audited = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert audited.returncode == 0, audited.stdout + audited.stderr
