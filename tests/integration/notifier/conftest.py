"""A notifier on a database and an event log of its own: its handlers, its senders, its routes over HTTP."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from services.notifier import handlers
from services.notifier.app import SERVICE
from services.notifier.handlers import NewEndpoint
from services.notifier.mail import Mails
from services.notifier.post import FolderPost, Post
from services.notifier.sender import Channel, Sender
from services.notifier.settings import NotifierSettings
from services.notifier.webhooks import Webhooks
from shared.db import Database
from shared.ids import partition_of
from shared.messaging import projections
from shared.messaging.cloudevents import Delivery
from shared.messaging.embedded import EmbeddedLog
from shared.messaging.events import Heartbeat
from shared.sealing import Sealer
from shared.service import running
from shared.web.auth import Principal
from shared.web.outbound import PinnedTransport, Resolve, open_client, resolve
from tests.integration.notifier.builders import an_api_key, delivery, record
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase

OPERATOR = {"Authorization": "Bearer operator-secret"}
AT_ONCE, PER_TENANT = 32, 8
PUBLIC_URL = "https://badges.example"


class Notifier:
    """The notifier under test. Unless it is `serving` as a worker, `feed` and `sending` do what its tasks would."""

    def __init__(self, clean: CleanDatabase, settings: NotifierSettings, worker: Database) -> None:
        self.clean = clean
        self.settings = settings
        self.worker = worker
        self.sealer = Sealer.from_file(settings.kek_file)
        self.client = httpx.AsyncClient()

    async def feed(self, *deliveries: Delivery) -> None:
        """Hand records to the handler in one transaction, as its consumer does."""
        async with self.worker.transaction() as tx:
            await handlers.tell(tx, deliveries)

    async def keep(self, *deliveries: Delivery) -> None:
        """Hand state records to their handler."""
        async with self.worker.transaction() as tx:
            await handlers.keep(tx, deliveries)

    async def endpoint(
        self, tenant: UUID, url: str, events: list[str] | None = None, contact: str | None = None
    ) -> tuple[UUID, str]:
        """Register an endpoint; return its id and its secret."""
        principal = Principal("institution", tenant, "key", frozenset())
        async with self.worker.transaction() as tx:
            row, secret = await handlers.register(tx, principal, NewEndpoint(url, events, contact), None, self.sealer)
        return row["id"], secret

    @asynccontextmanager
    async def mailing(self, post: Post | None = None) -> AsyncIterator[None]:
        """Send mails while the block runs."""
        post = post or FolderPost(self.settings.mail_folder)
        channel = Mails(self.worker, post, self.settings.mail_from, PUBLIC_URL)
        async with self.sending(channel):
            yield

    @asynccontextmanager
    async def hooking(self, allow_loopback: bool = True, resolve: Resolve = resolve) -> AsyncIterator[None]:
        """Send webhooks while the block runs."""
        transport = PinnedTransport(allow_loopback, resolve=resolve)
        async with (
            open_client(transport) as client,
            self.sending(Webhooks(self.worker, client, self.sealer, PUBLIC_URL)),
        ):
            yield

    @asynccontextmanager
    async def sending(self, channel: Channel) -> AsyncIterator[None]:
        """Run a sender while the block runs; what is under way at its end is cut off, as a crash would."""
        task = asyncio.create_task(Sender(self.worker, channel, AT_ONCE, per_tenant=PER_TENANT).run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def settled(self, channel: str = "webhook") -> None:
        """Return once no delivery of `channel` is due or under way."""
        await eventually(lambda: self._quiet(channel))

    async def _quiet(self, channel: str) -> bool:
        quiet: bool = await self.value(
            """
            select not exists (select from deliveries d where channel = $1 and state = 'waiting'
                and (leased_until is not null or due_at <= laurel_clock())
                and not exists (select from endpoints e where e.id = d.target and e.paused_until > laurel_clock()))
            """,
            channel,
        )
        return quiet

    async def move_clock(self, ahead: timedelta) -> None:
        """Let the database's clock be `ahead` of this machine's, on every connection from now on."""
        connection = await asyncpg.connect(self.clean.superuser)
        await connection.execute(
            f"alter database \"{self.clean.name}\" set app.clock_offset = '{ahead.total_seconds()} seconds'"
        )
        await connection.close()
        await self.worker.pool.expire_connections()

    @asynccontextmanager
    async def serving(self, role: str = "api", **settings: Any) -> AsyncIterator[None]:
        """Run the service in a role."""
        async with (
            running(SERVICE, self.settings.model_copy(update=settings), role) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as self.client,
        ):
            yield

    async def key(self, tenant: UUID, kind: str = "institution", *scopes: str) -> dict[str, str]:
        """Let the notifier hear of an API key and of the service that it comes from; return its header."""
        header, state = an_api_key(tenant, kind, scopes or ("manage", "read"))
        beat = delivery(state)
        beat = Delivery(
            beat.id, beat.source, beat.time, Heartbeat(shard=partition_of(state.key), time=datetime.now(UTC)), None
        )
        async with self.worker.transaction() as tx:
            await handlers.keep(tx, [delivery(state)])
            await projections.store_heartbeats(tx, [beat])
        return header

    async def publish(self, *deliveries: Delivery) -> None:
        """Store records on the log."""
        log = EmbeddedLog(self.settings.eventlog_dsn)
        publisher = await log.publisher()
        assert await publisher.publish([record(each) for each in deliveries]) == [None] * len(deliveries)
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
async def notifier(clean_database: Callable[[str], CleanDatabase], tmp_path: Path) -> AsyncIterator[Notifier]:
    """The notifier under test."""
    clean, log = clean_database("notifier"), clean_database("eventlog")
    maker = EmbeddedLog(log.owner)
    await maker.create_topics()
    await maker.close()
    kek = tmp_path / "kek"
    kek.write_bytes(base64.b64encode(secrets.token_bytes(32)))
    settings = NotifierSettings(
        app_dsn=clean.app, worker_dsn=clean.worker, eventlog_dsn=log.app, port=0, operator_key="operator-secret",
        public_url=PUBLIC_URL, kek_file=kek, mail_folder=tmp_path / "mail", allow_loopback_webhooks=True,
    )  # fmt: skip
    worker = await Database.open(clean.worker)
    yield Notifier(clean, settings, worker)
    await worker.close()
