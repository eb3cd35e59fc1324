"""A commit wakes the workers of its service, in its own process and in others, and a roll-back wakes nobody."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress

import pytest

from shared import ringing
from shared.bell import Bell, Waiter, leave_work_for
from shared.db import Database
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase

LISTENERS = "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen%'"


@pytest.fixture
async def processes(clean_database: Callable[[str], CleanDatabase]) -> AsyncIterator[list[Database]]:
    """What two processes of one service have: each its bell, heard and passed on."""
    clean = clean_database("issuer")
    async with AsyncExitStack() as stack:
        databases, tasks = [], []
        for _ in range(2):
            database = await Database.open(clean.worker)
            stack.push_async_callback(database.close)
            databases.append(database)
            tasks += [asyncio.create_task(ringing.tell(database)), asyncio.create_task(ringing.hear(database))]
        await eventually(lambda: both_listen(databases[0]))
        yield databases
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def both_listen(database: Database) -> bool:
    """Whether both processes hear."""
    async with database.transaction() as tx:
        return bool(await tx.fetchval(LISTENERS) == 2)


async def is_woken(waiter: Waiter) -> bool:
    """Whether a rest ends that would last a day."""
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            await waiter.rest(86_400)
            return True
    return False


async def test_a_commit_wakes_those_who_wait_here_and_elsewhere(processes: list[Database]) -> None:
    here, there = processes
    waiters = [each.bell.waiter("mailer") for each in (here, there)]
    async with here.transaction():
        leave_work_for("mailer")
    assert await asyncio.gather(*map(is_woken, waiters)) == [True, True]


async def test_what_is_rolled_back_wakes_nobody(processes: list[Database]) -> None:
    here, there = processes
    waiters = [each.bell.waiter("mailer") for each in (here, there)]
    with suppress(KeyError):
        async with here.transaction():
            leave_work_for("mailer")
            raise KeyError
    others = [each.bell.waiter("signer") for each in (here, there)]
    async with here.transaction():
        leave_work_for("signer")
    assert await asyncio.gather(*map(is_woken, others)) == [True, True]  # what was left before it would be heard by now
    resting = [asyncio.create_task(each.rest(86_400)) for each in waiters]
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in resting)
    for task in resting:
        task.cancel()


async def test_whoever_was_cut_off_listens_again_and_looks_for_what_it_has_missed(processes: list[Database]) -> None:
    here, there = processes
    waiter = there.bell.waiter("mailer")
    async with here.transaction() as tx:
        await tx.execute(f"select pg_terminate_backend(pid) {LISTENERS.removeprefix('select count(*)')}")
    assert await is_woken(waiter)
    await eventually(lambda: both_listen(here))
    async with here.transaction():
        leave_work_for("mailer")
    assert await is_woken(waiter)


async def test_two_databases_of_one_process_have_one_bell(clean_database: Callable[[str], CleanDatabase]) -> None:
    clean, bell = clean_database("issuer"), Bell()
    app = await Database.open(clean.app, bell=bell)
    worker = await Database.open(clean.worker, bell=bell)
    waiter = worker.bell.waiter("mailer")
    async with app.transaction():
        leave_work_for("mailer")
    assert await is_woken(waiter)
    await app.close()
    await worker.close()
