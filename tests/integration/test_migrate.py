"""Migrations are applied once, whoever else applies them at the same time, and whoever was killed at it."""

import multiprocessing
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import psycopg
import pytest

from deploy.postgres import DATABASES, Stack, bootstrap
from shared.migrate import migrate
from tests.support.poll import eventually
from tests.support.postgres import PostgresServer

SPAWN = multiprocessing.get_context("spawn")
BLOCKED = "select count(*) from pg_stat_activity where datname = %s and wait_event_type = 'Lock'"


@pytest.fixture
def empty_stack(postgres: PostgresServer) -> Iterator[Stack]:
    """Databases in which nothing has been migrated."""
    stack = Stack(role_prefix=postgres.stack.role_prefix, database_prefix=f"migrate_{uuid.uuid4().hex[:8]}_")
    bootstrap(postgres.admin_dsn, stack)
    yield stack
    postgres.drop(*map(stack.database, DATABASES))


def test_several_at_once_apply_each_migration_once(postgres: PostgresServer, empty_stack: Stack) -> None:
    owner = empty_stack.dsn(postgres.admin_dsn, "issuer", "owner")
    with ProcessPoolExecutor(3, SPAWN) as pool:
        applied = list(pool.map(migrate, [owner] * 3, ["issuer"] * 3))
    assert sorted(map(bool, applied)) == [False, False, True]
    assert migrate(owner, "issuer") == []


async def test_a_migration_that_was_killed_does_not_block_the_next(
    postgres: PostgresServer, empty_stack: Stack
) -> None:
    owner, database = empty_stack.dsn(postgres.admin_dsn, "issuer", "owner"), empty_stack.database("issuer")
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin, psycopg.connect(owner) as obstacle:
        obstacle.execute("create table outbox ()")  # not committed, so a migration that makes it waits
        process = SPAWN.Process(target=migrate, args=(owner, "issuer"))
        process.start()
        await eventually(lambda: admin.execute(BLOCKED, [database]).fetchone() == (1,))
        process.kill()
        process.join()
        obstacle.rollback()
    assert migrate(owner, "issuer")
