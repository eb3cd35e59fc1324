"""A registry on a database and an event log of its own: its routes over HTTP, its handlers, and keys that open it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from services.registry import handlers
from services.registry.app import SERVICE
from services.registry.settings import RegistrySettings
from shared.db import Database
from shared.ids import partition_of
from shared.messaging import projections
from shared.messaging.cloudevents import Delivery
from shared.messaging.embedded import EmbeddedLog
from shared.messaging.events import (
    ISSUER_EVENTS,
    ISSUER_STATE,
    VERIFIER_EVENTS,
    Heartbeat,
    Message,
)
from shared.messaging.ports import Record
from shared.service import running
from tests.integration.registry.builders import an_api_key, delivery
from tests.support.postgres import CleanDatabase

OPERATOR = {"Authorization": "Bearer operator-secret"}


class Registry:
    """The registry under test. Without its worker running, `feed` does what its consumers would."""

    def __init__(self, clean: CleanDatabase, settings: RegistrySettings, worker: Database) -> None:
        self.clean = clean
        self.settings = settings
        self.worker = worker
        self.client = httpx.AsyncClient()

    @asynccontextmanager
    async def serving(self, role: str = "api", **settings: Any) -> AsyncIterator[None]:
        """Run the service in a role."""
        async with (
            running(SERVICE, self.settings.model_copy(update=settings), role) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as self.client,
        ):
            yield

    async def feed(self, *messages: Message | Delivery) -> None:
        """Hand messages to the handlers of their topics, each topic's in one transaction."""
        deliveries = [each if isinstance(each, Delivery) else delivery(each) for each in messages]
        by_topic = {
            ISSUER_EVENTS: handlers.record_changes,
            VERIFIER_EVENTS: handlers.store_verifications,
            ISSUER_STATE: handlers.copy_state,
        }
        for topic, handle in by_topic.items():
            if here := [each for each in deliveries if topic == each.message.TOPIC]:
                async with self.worker.transaction() as tx:
                    await handle(tx, here)

    async def key(self, tenant: UUID, kind: str = "institution", *scopes: str) -> dict[str, str]:
        """Let the registry hear of an API key and of the service that it comes from; return its header."""
        header, state = an_api_key(tenant, kind, *scopes)
        beat = delivery(Heartbeat(shard=partition_of(state.key), time=datetime.now(UTC)), topic=state.TOPIC)
        async with self.worker.transaction() as tx:
            await handlers.copy_state(tx, [delivery(state)])
            await projections.store_heartbeats(tx, [beat])
        return header

    async def publish(self, *records: Record) -> None:
        """Store records on the log."""
        log = EmbeddedLog(self.settings.eventlog_dsn)
        publisher = await log.publisher()
        assert await publisher.publish(records) == [None] * len(records)
        await publisher.close()
        await log.close()

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query gives, to the worker."""
        async with self.worker.transaction() as tx:
            return [tuple(row) for row in await tx.fetch(query, *values)]

    async def value(self, query: str, *values: Any) -> Any:
        """The one value that a query gives."""
        return (await self.rows(query, *values))[0][0]


@pytest.fixture
async def registry(clean_database: Callable[[str], CleanDatabase]) -> AsyncIterator[Registry]:
    """The registry under test."""
    clean, log = clean_database("registry"), clean_database("eventlog")
    maker = EmbeddedLog(log.owner)
    await maker.create_topics()
    await maker.close()
    settings = RegistrySettings(
        app_dsn=clean.app, worker_dsn=clean.worker, eventlog_dsn=log.app, port=0, operator_key="operator-secret",
        public_url="https://badges.example",
    )  # fmt: skip
    worker = await Database.open(clean.worker)
    yield Registry(clean, settings, worker)
    await worker.close()


async def as_app(registry: Registry, statement: str, *values: Any, tenant: UUID | None = None) -> Any:
    """Run a statement by the app role itself, on a connection of its own, for a tenant."""
    connection = await asyncpg.connect(registry.clean.app)
    try:
        async with connection.transaction():
            if tenant:
                await connection.execute("select set_config('app.tenant', $1, true)", str(tenant))
            return await connection.fetch(statement, *values)
    finally:
        await connection.close()
