"""Migrations are applied once, whoever else applies them at the same time, and whoever was killed at it."""

import multiprocessing
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import psycopg
import pytest
from psycopg.types.json import Jsonb
from yoyo import get_backend, read_migrations

from deploy.postgres import DATABASES, Stack, bootstrap
from services.issuer.handlers.recording import record_past
from shared.db import Database
from shared.migrate import ROOT, migrate
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


def migrate_before(owner_dsn: str, service: str, migration: str) -> None:
    """Bring a database to where a release stood that had not heard of `migration`."""
    backend = get_backend(owner_dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    for folder in (ROOT / "shared" / "migrations", ROOT / "services" / service / "migrations"):
        waiting = backend.to_apply(read_migrations(str(folder)))
        backend.apply_migrations(waiting.filter(lambda each: each.id < migration or each.id.startswith("shared")))
    backend.connection.close()


async def test_an_issuer_of_before_the_log_keeps_its_rows_and_tells_what_the_log_had_not_heard(
    postgres: PostgresServer, empty_stack: Stack
) -> None:
    owner = empty_stack.dsn(postgres.admin_dsn, "issuer", "owner")
    worker_dsn = empty_stack.dsn(postgres.admin_dsn, "issuer", "worker")
    migrate_before(owner, "issuer", "issuer_0008")
    institution, key, achievement = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    with psycopg.connect(worker_dsn) as worker:
        assert worker.execute("select to_regclass('recorded_changes')").fetchone() == (None,)
        worker.execute(
            "insert into institutions (id, version, slug, name, did, changed_at) values (%s, 1, 's', 'N', 'd', now())",
            [institution],
        )
        worker.execute(
            """
            insert into signing_keys (id, version, institution_id, did, verification_method, public_key_multibase,
                                      sealed, created_at, retired_at)
            values (%s, 2, %s, 'd', 'd#1', 'z6Mk', '', now(), now())
            """,
            [key, institution],
        )
        worker.execute("insert into achievements values (%s, %s, 1, 2, 1, now())", [achievement, institution])
        for number, published in ((1, "now()"), (2, "null")):
            worker.execute(
                f"""
                insert into achievement_versions (achievement_id, number, institution_id, content, badge_form,
                                                  published_at)
                values (%s, %s, %s, %s, '{{"name": "A"}}', {published})
                """,
                [achievement, number, institution, Jsonb({"name": "A"})],
            )
    assert "issuer_0008_recorded_changes" in migrate(owner, "issuer")
    database = await Database.open(worker_dsn)
    assert await record_past(database) == 4
    async with database.transaction() as tx:
        keys = [row["key"] for row in await tx.fetch("select key from outbox order by id")]
        assert keys == [str(institution), str(key), str(key), f"{achievement}/1"]
        assert await tx.fetchval("select count(*) from signing_keys") == 1
    await database.close()


def test_a_verification_of_before_the_log_stays_and_has_no_salt(postgres: PostgresServer, empty_stack: Stack) -> None:
    owner = empty_stack.dsn(postgres.admin_dsn, "verifier", "owner")
    migrate_before(owner, "verifier", "verifier_0008")
    # As a release of before inserts it, on the old schema and on the new.
    answer = {
        "id": str(uuid.uuid4()), "request_id": str(uuid.uuid4()), "place": 0, "verdict": "valid", "standing": "unknown",
        "checks": [], "verified_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    insert = "insert into verifications select * from jsonb_populate_recordset(null::verifications, %s)"
    with psycopg.connect(empty_stack.dsn(postgres.admin_dsn, "verifier", "app"), autocommit=True) as app:
        app.execute(insert, [Jsonb([answer])])
        assert "verifier_0008_log" in migrate(owner, "verifier")
        app.execute(insert, [Jsonb([{**answer, "id": str(uuid.uuid4())}])])
    with psycopg.connect(empty_stack.dsn(postgres.admin_dsn, "verifier", "worker")) as worker:
        assert worker.execute("select salt from verifications").fetchall() == [(None,)] * 2
