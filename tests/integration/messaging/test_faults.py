"""PostgreSQL and the broker are killed under load: everything goes on by itself, nothing is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer

from shared import db
from shared.db import Database
from shared.messaging import kafka_publisher, kafka_reader
from shared.messaging.embedded import EmbeddedLog
from shared.messaging.events import ISSUER_EVENTS
from shared.messaging.inbox import Consumer
from shared.messaging.ports import EventLog
from tests.integration.messaging.builders import change, id_in
from tests.integration.messaging.conditions import EFFECTS, UNSENT, becomes
from tests.integration.messaging.conftest import EFFECTS as TABLES
from tests.integration.messaging.conftest import MakeService, Service, running, write_effects
from tests.integration.messaging.logs import KafkaUnderTest
from tests.support.kafka import PrivateBroker
from tests.support.poll import eventually
from tests.support.postgres import PostgresServer, PrivateCluster


class Load:
    """A writer for each shard, who tries every version until it is accepted."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.accepted: dict[UUID, int] = {}

    async def write(self, credential_id: UUID) -> None:
        """Write versions 2, 3, 4 … until cancelled."""
        version = 2
        while True:
            try:
                await self.service.emit(change(credential_id, version))
            except Exception as error:
                if not db.is_failure_of_ours(error):
                    raise
                # It may have been committed: whoever asks again must look, as an idempotent request does.
                await self._reconnected()
                version = await self._last(credential_id)
            self.accepted[credential_id] = version
            version += 1

    async def _reconnected(self) -> None:
        async def answers() -> bool:
            try:
                return bool(await self.service.value("select true"))
            except Exception as error:
                if not db.is_failure_of_ours(error):
                    raise
                return False

        await eventually(answers)

    async def _last(self, credential_id: UUID) -> int:
        rows = await self.service.value("select count(*) from emitted where key = $1", str(credential_id))
        return int(rows) + 1

    @asynccontextmanager
    async def on(self) -> AsyncIterator[None]:
        """Write until the block ends."""
        writers = [asyncio.create_task(self.write(id_in(shard))) for shard in range(16)]
        try:
            yield
        finally:
            for writer in writers:
                writer.cancel()
            ended = await asyncio.gather(*writers, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended


async def survives(sender: Service, receiver: Service, log: EventLog, fault: Callable[[], Awaitable[None]]) -> None:
    """Have `fault` happen under load; then everything accepted has its one effect, in order."""
    load = Load(sender)
    consumer = Consumer(receiver.database, log, "group", [ISSUER_EVENTS], write_effects)
    async with running(sender.relay(await log.publisher()), consumer):
        async with load.on():
            await becomes(receiver, True, "select count(*) > 200 from effects")
            await fault()
            reached = dict(load.accepted)
            await eventually(
                lambda: len(load.accepted) == 16 and all(load.accepted[k] > reached.get(k, 0) for k in reached)
            )
        await becomes(sender, 0, UNSENT)
        await becomes(receiver, await sender.value("select count(*) from emitted"), EFFECTS)
    orders = dict(await receiver.rows("select key, array_agg(version order by n) from effects group by key"))
    for key, versions in orders.items():
        assert versions == list(range(2, len(versions) + 2))
        assert len(versions) + 1 >= load.accepted[UUID(key)]


async def test_postgres_killed_under_load_loses_and_doubles_nothing(private_postgres: PrivateCluster) -> None:
    await private_postgres.start()
    server = PostgresServer(private_postgres.cluster.admin_dsn)
    server.bootstrap()
    sender, receiver = await _service(server), await _service(server)
    log = EmbeddedLog(server.create("eventlog").owner)
    await log.create_topics()

    async def fault() -> None:
        private_postgres.sigkill()
        await private_postgres.start()

    await survives(sender, receiver, log, fault)
    for service in (sender, receiver):
        await service.database.close()


async def test_a_broker_killed_under_load_loses_and_doubles_nothing(
    make_service: MakeService, private_broker: PrivateBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The broker is away for longer than this, so that producers are given up with records under way.
    monkeypatch.setattr(kafka_publisher, "PUBLISH_SECONDS", 1.0)
    await private_broker.start()
    under_test = KafkaUnderTest(private_broker.bootstrap, "")
    await under_test.log.create_topics()

    async def fault() -> None:
        private_broker.sigkill()
        await asyncio.sleep(5)
        await private_broker.start()

    await survives(await make_service(), await make_service(), under_test.log, fault)


async def _service(server: PostgresServer) -> Service:
    clean = server.create("eventlog")
    owner = await asyncpg.connect(clean.owner)
    await owner.execute(TABLES)
    await owner.close()
    return Service(await Database.open(clean.worker), clean)


async def test_a_reader_whose_client_has_stopped_looking_for_the_broker_is_made_anew(
    make_service: MakeService, private_broker: PrivateBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[AIOKafkaConsumer] = []

    class Kept(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka ships no types
        def __init__(self, *topics: str, **settings: Any) -> None:
            super().__init__(*topics, **settings)
            made.append(self)

    monkeypatch.setattr(kafka_reader, "AIOKafkaConsumer", Kept)
    await private_broker.start()
    under_test = KafkaUnderTest(private_broker.bootstrap, "")
    await under_test.log.create_topics()
    sender, receiver = await make_service(), await make_service()
    consumer = Consumer(receiver.database, under_test.log, "group", [ISSUER_EVENTS], write_effects)
    async with running(sender.relay(await under_test.log.publisher()), consumer):
        await sender.emit(change(id_in(0), 2))
        await becomes(receiver, 1, EFFECTS)
        # As uvloop's RuntimeError does, when it meets a connection that has just been closed.
        made[0]._client._sync_task.cancel()
        private_broker.sigkill()
        await private_broker.start()
        await sender.emit(change(id_in(0), 3))
        await becomes(receiver, 2, EFFECTS)
