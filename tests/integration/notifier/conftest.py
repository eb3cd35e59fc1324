"""A notifier on a database and an event log of its own: its handlers, its senders, its routes over HTTP."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from services.notifier import handlers
from services.notifier.app import SERVICE
from services.notifier.handlers import NewEndpoint
from services.notifier.letters import Places
from services.notifier.mail import Mails
from services.notifier.post import FolderPost, Post
from services.notifier.sender import Channel, Sender
from services.notifier.settings import NotifierSettings
from services.notifier.webhooks import Webhooks
from shared.db import Database, Tx
from shared.messaging.cloudevents import Delivery
from shared.sealing import Sealer
from shared.web.auth import Principal
from shared.web.outbound import PinnedTransport, Resolve, open_client, resolve
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.service import ServiceUnderTest, prepared

AT_ONCE, PER_TENANT = 32, 8
PUBLIC_URL = "https://badges.example"
OWN = "https://links.example"
PLACES = Places(PUBLIC_URL, "https://check.example/", f"{OWN}/my-links", f"{OWN}/unsubscribe", f"{OWN}/confirm")


class Notifier(ServiceUnderTest):
    """The notifier under test. Unless it is `serving` as a worker, `feed` and `sending` do what its tasks would."""

    SERVICE = SERVICE

    def __init__(self, clean: CleanDatabase, settings: NotifierSettings, worker: Database) -> None:
        super().__init__(clean, settings, worker)
        self.sealer = Sealer.from_file(settings.kek_file)

    async def keep_copies(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        await handlers.keep(tx, deliveries)

    async def feed(self, *deliveries: Delivery) -> None:
        """Hand records to the handler in one transaction, as its consumer does."""
        async with self.worker.transaction() as tx:
            await handlers.tell(tx, deliveries)

    async def keep(self, *deliveries: Delivery) -> None:
        """Hand state records to their handler."""
        async with self.worker.transaction() as tx:
            await handlers.keep(tx, deliveries)

    async def endpoint(
        self,
        tenant: UUID,
        url: str,
        events: list[str] | None = None,
        contact: str | None = None,
        kind: str = "institution",
    ) -> tuple[UUID, str]:
        """Register an endpoint; return its id and its secret."""
        principal = Principal(kind, tenant, "key", frozenset())
        async with self.worker.transaction() as tx:
            row, secret = await handlers.register(tx, principal, NewEndpoint(url, events, contact), None, self.sealer)
        return row["id"], secret

    @asynccontextmanager
    async def mailing(self, post: Post | None = None) -> AsyncIterator[None]:
        """Send mails while the block runs."""
        post = post or FolderPost(self.settings.mail_folder)
        channel = Mails(self.worker, post, self.settings.mail_from, PLACES, self.sealer)
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
                and not (channel = 'webhook' and exists (
                    select from endpoints e where e.id = d.target and e.paused_until > laurel_clock())))
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


@pytest.fixture
async def notifier(clean_database: Callable[[str], CleanDatabase], tmp_path: Path) -> AsyncIterator[Notifier]:
    """The notifier under test."""
    kek = tmp_path / "kek"
    kek.write_bytes(base64.b64encode(secrets.token_bytes(32)))
    members = {"kek_file": kek, "mail_folder": tmp_path / "mail", "allow_loopback_webhooks": True}
    async with prepared(Notifier, clean_database, public_url=PUBLIC_URL, **members) as made:
        yield made
