"""A service's database with tables for effects, and an event log of either kind; every test body runs on both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.db import Database, Tx
from shared.ids import new_id
from shared.messaging import outbox
from shared.messaging.events import ISSUER_STATE, Message
from shared.messaging.inbox import Delivery
from shared.messaging.relay import Relay
from tests.integration.messaging.logs import EmbeddedUnderTest, KafkaUnderTest, LogUnderTest
from tests.support.postgres import CleanDatabase
from tests.support.service import clean_event_log

EFFECTS = """
create table effects (n bigint generated always as identity, event_id uuid, key text, version int);
create table emitted (n bigint generated always as identity, key text);
create table copies (id uuid primary key, version bigint not null, name text not null);
create table kinds (
    id uuid primary key, version bigint, at timestamptz, hash bytea, doc jsonb, scopes text[], gone text
);
"""


class Service:
    """A service's database, and what tests do and see there."""

    def __init__(self, database: Database, clean: CleanDatabase) -> None:
        self.database = database
        self.clean = clean

    async def emit(self, *messages: Message, event_id: UUID | None = None) -> None:
        """Accept `messages` as a handler does: in one transaction with nothing else."""
        async with self.database.transaction() as tx:
            now = await tx.fetchval("select laurel_clock()")
            await outbox.add_many(tx, [outbox.Entry(each, event_id or new_id(), now) for each in messages])
            await tx.execute("insert into emitted (key) select unnest($1::text[])", [each.key for each in messages])

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query gives."""
        async with self.database.transaction() as tx:
            return [tuple(row) for row in await tx.fetch(query, *values)]

    async def value(self, query: str, *values: Any) -> Any:
        """The one value that a query gives."""
        return (await self.rows(query, *values))[0][0]

    async def move_clock(self, interval: str) -> None:
        """Move the database's clock, for every connection that is opened from now on."""
        await self.superuser(f"alter database {self.clean.name} set app.clock_offset = '{interval}'")
        await self.database.pool.expire_connections()

    async def superuser(self, statement: str) -> None:
        """Do what only a superuser may."""
        connection = await asyncpg.connect(self.clean.superuser)
        await connection.execute(statement)
        await connection.close()

    def relay(self, publisher: Any) -> Relay:
        """A relay of this database, as the issuer's."""
        return Relay(self.database, publisher, ISSUER_STATE, "/laurel/issuer")


async def write_effects(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """A handler that leaves a row for every delivery."""
    await tx.executemany(
        "insert into effects (event_id, key, version) values ($1, $2, $3)",
        [(each.id, each.message.key, getattr(each.message, "version")) for each in deliveries],  # noqa: B009
    )


@asynccontextmanager
async def running(*parts: Any) -> AsyncIterator[None]:
    """Run relays and consumers until the block ends; one that fails fails the test."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


MakeService = Callable[[], Awaitable[Service]]


@pytest.fixture
async def make_service(clean_database: Callable[[str], CleanDatabase]) -> AsyncIterator[MakeService]:
    """Makes services with nothing but the shared tables and those of EFFECTS."""
    made: list[Database] = []

    async def make() -> Service:
        clean = clean_database("eventlog")
        owner = await asyncpg.connect(clean.owner)
        await owner.execute(EFFECTS)
        await owner.close()
        made.append(await Database.open(clean.worker))
        return Service(made[-1], clean)

    yield make
    for database in made:
        await database.close()


@pytest.fixture
async def service(make_service: MakeService) -> Service:
    """The service under test."""
    return await make_service()


@pytest.fixture
async def embedded_log(clean_database: Callable[[str], CleanDatabase]) -> EmbeddedUnderTest:
    """The embedded log, as services reach it: by a role that may write records and no schema."""
    return EmbeddedUnderTest((await clean_event_log(clean_database)).app)


@pytest.fixture
async def kafka_log(kafka_bootstrap: str, topic_prefix: str) -> KafkaUnderTest:
    """Apache Kafka with topics of this test's own."""
    under_test = KafkaUnderTest(kafka_bootstrap, topic_prefix)
    await under_test.log.create_topics()
    return under_test


@pytest.fixture(params=["embedded", "kafka"])
def event_log(request: pytest.FixtureRequest) -> LogUnderTest:
    """Each log in its turn."""
    under_test: LogUnderTest = request.getfixturevalue(f"{request.param}_log")
    return under_test
