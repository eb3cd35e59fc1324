"""A registry on a database and an event log of its own: its routes over HTTP, its handlers, and keys that open it."""

import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.registry import handlers
from services.registry.app import SERVICE
from shared.db import Tx
from shared.messaging import projections
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import ISSUER_EVENTS, ISSUER_STATE, VERIFIER_EVENTS, Message
from tests.support.postgres import CleanDatabase
from tests.support.records import beats, delivery
from tests.support.service import FOR_A_WHILE, ServiceUnderTest, prepared


class Registry(ServiceUnderTest):
    """The registry under test. Without its worker running, `feed` does what its consumers would."""

    SERVICE = SERVICE

    async def keep_copies(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        await handlers.copy_state(tx, deliveries)

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

    async def hear(self, time: datetime | None = None) -> None:
        """Let all that the issuer had accepted by `time`, or by now, be here."""
        async with self.worker.transaction() as tx:
            await projections.store_heartbeats(tx, beats(time))


@pytest.fixture
def kek_file(tmp_path: Path) -> Path:
    """A file with a sealing key."""
    path = tmp_path / "kek"
    path.write_bytes(b64encode(secrets.token_bytes(32)))
    return path


@pytest.fixture
async def registry(clean_database: Callable[[str], CleanDatabase], kek_file: Path) -> AsyncIterator[Registry]:
    """The registry under test."""
    settings = {"public_url": "https://badges.example", "max_status_age": FOR_A_WHILE, "kek_file": kek_file}
    async with prepared(Registry, clean_database, **settings) as made:
        yield made


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
