"""Whatever is killed under load: afterwards nothing is lost or doubled, and all queues run empty by themselves.

Here each fault meets one log; tests/integration/messaging has those of a relay and of a consumer on either.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from shared.messaging.events import ISSUER_EVENTS
from tests.e2e.conftest import embedded_settings, kafka_settings
from tests.support.balance import balance
from tests.support.kafka import PrivateBroker
from tests.support.load import Load, under_load
from tests.support.people import register_institution
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase, PostgresServer, PrivateCluster
from tests.support.stack import SERVICES, Stack, standing
from tests.support.topics import read_topic

Databases = Callable[[str], CleanDatabase]


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


async def test_postgres_killed_under_load_loses_and_doubles_nothing(
    tmp_path: Path, private_postgres: PrivateCluster
) -> None:
    await private_postgres.start()
    server = PostgresServer(private_postgres.cluster.admin_dsn)
    server.bootstrap()
    event_log = await embedded_settings(server.create)  # which dies with it
    async with standing(tmp_path, server.create, event_log) as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        async with under_load(institution, await institution.achievement()) as load:
            await some_more(load)
            private_postgres.sigkill()
            await asyncio.sleep(0.5)
            await private_postgres.start()
            await some_more(load)
        await balance(stack, load, tmp_path)


async def test_workers_killed_one_after_another_under_load_lose_and_double_nothing(
    tmp_path: Path, clean_database: Databases, kafka_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, kafka_log, split=True) as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        async with under_load(institution, await institution.achievement()) as load:
            for service in SERVICES:
                worker = stack.processes[service, "worker"]
                await some_more(load, 10)
                worker.sigkill()
                worker.start()
                await worker.ready()
            await some_more(load, 10)
        await balance(stack, load, tmp_path)


# Between sending and deleting: what is sent is on the log, and the outbox says that it is not. Of an event: status
# lists have states alone.
SENT_UNMARKED = f"""
    create trigger hang before delete on outbox
    for each row when (old.topic = '{ISSUER_EVENTS}') execute function hang()
"""
# Between effect and commit: a deferred trigger fires when the transaction is about to commit.
DONE_UNCOMMITTED = """
    create constraint trigger hang after insert on history deferrable initially deferred
    for each row execute function hang()
"""


@asynccontextmanager
async def hanging(database: CleanDatabase, table: str, trigger: str) -> AsyncIterator[None]:
    """Have whoever comes to the place of `trigger` wait there; the block begins when somebody does."""
    superuser = await asyncpg.connect(database.superuser)
    asleep = "from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    body = "begin perform pg_sleep(3600); return coalesce(new, old); end"
    sleep = f"create function hang() returns trigger language plpgsql as '{body}'"
    await superuser.execute(f"{sleep}; {trigger}")
    try:
        await eventually(lambda: superuser.fetchval(f"select count(*) {asleep}"))
        yield
    finally:
        # A backend does not notice that its client was killed while it sleeps.
        await superuser.execute(f"select pg_terminate_backend(pid) {asleep}")
        await superuser.execute(f"drop trigger hang on {table}; drop function hang()")
        await superuser.close()


async def kill_there(stack: Stack, service: str, table: str, trigger: str, folder: Path) -> None:
    """Kill a service's worker at the place of `trigger` under load, let it go on, and draw the balance."""
    institution = await register_institution(stack.urls, stack.operator_key)
    worker = stack.processes[service, "worker"]
    async with under_load(institution, await institution.achievement()) as load:
        await some_more(load)
        async with hanging(stack.databases[service], table, trigger):
            worker.sigkill()
        worker.start()
        await worker.ready()
        await some_more(load)
    await balance(stack, load, folder)


async def test_a_relay_killed_between_send_and_mark_sends_twice_and_it_counts_once(
    tmp_path: Path, clean_database: Databases, kafka_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, kafka_log, split=True) as stack:
        await kill_there(stack, "issuer", "outbox", SENT_UNMARKED, tmp_path)
        ids = [dict(each.headers)["ce_id"] for each in await read_topic(kafka_log, ISSUER_EVENTS)]
        assert len(set(ids)) < len(ids)


async def test_a_consumer_killed_between_effect_and_commit_loses_and_doubles_nothing(
    tmp_path: Path, clean_database: Databases, kafka_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, kafka_log, split=True) as stack:
        await kill_there(stack, "registry", "history", DONE_UNCOMMITTED, tmp_path)
