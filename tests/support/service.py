"""One service on a database and an event log of its own, whose handlers and routes a test calls."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID

import httpx

from shared.db import Database, Tx
from shared.ids import partition_of
from shared.messaging import projections
from shared.messaging.cloudevents import Delivery
from shared.messaging.embedded import EmbeddedLog
from shared.service import Service, running
from shared.settings import Settings
from tests.support.people import bearer
from tests.support.postgres import CleanDatabase
from tests.support.records import an_api_key, beat, delivery, record_of

OPERATOR = bearer("operator-secret")
NO_LOG = Settings.model_fields["eventlog_dsn"].default
# How old a status may be: a machine that stands still between two steps of a test decides nothing.
FOR_A_WHILE = timedelta(minutes=4)


class ServiceUnderTest:
    """A service that is not running; a test runs it in a role, or hands its handlers what its consumers would."""

    SERVICE: ClassVar[Service[Any]]
    client: httpx.AsyncClient  # of its routes, while it is `serving`
    clean_database: Callable[[str], CleanDatabase]

    def __init__(self, clean: CleanDatabase, settings: Any, worker: Database) -> None:
        self.clean = clean
        self.settings = settings
        self.worker = worker

    async def keep_copies(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        """Do what the consumer of the state topics does."""
        raise NotImplementedError

    @asynccontextmanager
    async def serving(self, role: str = "api", **settings: Any) -> AsyncIterator[Self]:
        """Run the service in a role until the block ends."""
        if role != "api":
            await self.have_log()
        async with (
            running(self.SERVICE, self.settings.model_copy(update=settings), role) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as self.client,
        ):
            yield self

    async def key(self, tenant: UUID, kind: str = "institution", *scopes: str) -> dict[str, str]:
        """Let the service hear of an API key and of the service that it comes from; return the key's header."""
        header, state = an_api_key(tenant, kind, *scopes)
        async with self.worker.transaction() as tx:
            await self.keep_copies(tx, [delivery(state)])
            await projections.store_heartbeats(tx, [beat(partition_of(state.key), state.TOPIC)])
        return header

    async def publish(self, *deliveries: Delivery) -> None:
        """Store records on the log, as their producers' relays do."""
        await self.have_log()
        log = EmbeddedLog(self.settings.eventlog_dsn)
        publisher = await log.publisher()
        assert await publisher.publish([record_of(each) for each in deliveries]) == [None] * len(deliveries)
        await publisher.close()
        await log.close()

    async def have_log(self) -> None:
        """Make the event log, which routes alone do without."""
        if self.settings.eventlog_dsn == NO_LOG:
            log = await clean_event_log(self.clean_database)
            self.settings = self.settings.model_copy(update={"eventlog_dsn": log.app})

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query gives, to the worker."""
        async with self.worker.transaction() as tx:
            return [tuple(row) for row in await tx.fetch(query, *values)]

    async def value(self, query: str, *values: Any) -> Any:
        """The one value that a query gives."""
        return (await self.rows(query, *values))[0][0]


U = TypeVar("U", bound=ServiceUnderTest)


@asynccontextmanager
async def prepared(kind: type[U], clean_database: Callable[[str], CleanDatabase], **settings: Any) -> AsyncIterator[U]:
    """A service with databases, topics and an operator (OPERATOR), not running."""
    clean = clean_database(kind.SERVICE.name)
    own = {"app_dsn": clean.app, "worker_dsn": clean.worker, "port": 0}
    made = kind.SERVICE.settings(**own, operator_key="operator-secret", **settings)  # type: ignore[call-arg]
    worker = await Database.open(clean.worker)
    service = kind(clean, made, worker)
    service.clean_database = clean_database
    yield service
    await worker.close()


async def clean_event_log(clean_database: Callable[[str], CleanDatabase]) -> CleanDatabase:
    """A database of the embedded log with every topic and no record."""
    clean = clean_database("eventlog")
    maker = EmbeddedLog(clean.owner)
    await maker.create_topics()
    await maker.close()
    return clean
