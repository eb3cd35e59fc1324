"""A verifier on a database and an event log of its own: its routes over HTTP, its handlers, employers with keys."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.verifier.app import SERVICE
from services.verifier.handlers import state
from services.verifier.settings import VerifierSettings
from services.verifier.workers import Workers
from shared import telemetry
from shared.db import Database
from shared.ids import partition_of
from shared.messaging import projections
from shared.messaging.cloudevents import Delivery, encode
from shared.messaging.embedded import EmbeddedLog
from shared.messaging.events import ISSUER_STATE, Heartbeat, Message
from shared.messaging.ports import Partition, Record
from shared.service import running
from tests.integration.verifier.builders import PUBLIC_URL, Institution, beats, delivery
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase

OPERATOR = {"Authorization": "Bearer operator-secret"}


class Verifier:
    """The verifier under test. Without its worker running, `feed` does what its consumer would."""

    def __init__(self, clean: CleanDatabase, settings: VerifierSettings, worker: Database) -> None:
        self.clean = clean
        self.settings = settings
        self.worker = worker
        self.client = httpx.AsyncClient()

    @asynccontextmanager
    async def serving(self, role: str = "api", **settings: Any) -> AsyncIterator["Verifier"]:
        """Run the service in a role until the block ends; it is ready when the block begins."""
        async with (
            running(SERVICE, self.settings.model_copy(update=settings), role) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as self.client,
        ):
            await eventually(self._ready)
            yield self

    async def _ready(self) -> bool:
        return (await self.client.get("/readyz")).status_code == 200

    async def feed(self, *messages: Message) -> None:
        """Hand state records to the handler, in one transaction."""
        async with self.worker.transaction() as tx:
            await state.follow(tx, [delivery(each) for each in messages])

    async def hear(self, heartbeats: list[Delivery]) -> None:
        """Take heartbeats in."""
        async with self.worker.transaction() as tx:
            await projections.store_heartbeats(tx, heartbeats)

    async def know(self, institution: Institution, *badges: dict[str, Any]) -> None:
        """Hear of an institution, its key and its badges, and that this is all there is."""
        await self.feed(
            institution.state(), institution.key_state(), *[institution.credential(badge) for badge in badges]
        )
        await self.hear(beats())

    async def publish(self, *deliveries: Delivery) -> None:
        """Store the issuer's records on the log."""
        log = EmbeddedLog(self.settings.eventlog_dsn)
        publisher = await log.publisher()
        records = [record_of(each) for each in deliveries]
        assert await publisher.publish(records) == [None] * len(records)
        await publisher.close()
        await log.close()

    async def verify(self, credential: Any, headers: dict[str, str] | None = None, **members: Any) -> dict[str, Any]:
        """Verify one credential; return the report."""
        answer = await self.client.post(
            "/v1/verifications", json={"credential": credential, **members}, headers=headers or {}
        )
        assert answer.status_code == 200, answer.text
        report: dict[str, Any] = answer.json()
        return report

    async def employer(self, name: str = "Plank Ltd") -> dict[str, str]:
        """Register an employer; return the header that carries its key."""
        answer = await self.client.post("/v1/employers", json={"name": name}, headers=OPERATOR)
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['api_key']}"}

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query gives, to the worker."""
        async with self.worker.transaction() as tx:
            return [tuple(row) for row in await tx.fetch(query, *values)]

    async def execute(self, statement: str, *values: Any) -> None:
        """Change something behind the service's back."""
        async with self.worker.transaction() as tx:
            await tx.execute(statement, *values)


def record_of(delivery: Delivery, topic: str = ISSUER_STATE) -> Record:
    """A delivery as its producer's relay stores it."""
    message = delivery.message
    headers = encode(message, event_id=delivery.id, source=delivery.source, time=delivery.time, trace={})
    shard = message.shard if isinstance(message, Heartbeat) else partition_of(message.key)
    return Record(
        Partition(topic, shard),
        message.key.encode(),
        tuple((name, text.encode()) for name, text in headers.items()),
        message.model_dump_json().encode(),
    )


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    """What came of each check, by name."""
    return {check["name"]: check["outcome"] for check in report["checks"]}


@pytest.fixture
async def verifier(clean_database: Callable[[str], CleanDatabase]) -> AsyncIterator[Verifier]:
    """The verifier under test, not running."""
    clean, log = clean_database("verifier"), clean_database("eventlog")
    maker = EmbeddedLog(log.owner)
    await maker.create_topics()
    await maker.close()
    settings = VerifierSettings(
        app_dsn=clean.app, worker_dsn=clean.worker, eventlog_dsn=log.app, port=0, operator_key="operator-secret",
        public_url=PUBLIC_URL, anonymous_rate="10000/minute", check_workers=1,
    )  # fmt: skip
    worker = await Database.open(clean.worker)
    yield Verifier(clean, settings, worker)
    await worker.close()


@pytest.fixture
async def served(verifier: Verifier) -> AsyncIterator[Verifier]:
    """The verifier with its routes, without consumer and relay."""
    async with verifier.serving():
        yield verifier


@asynccontextmanager
async def pool(size: int = 1, queue: int = 64, **bounds: Any) -> AsyncIterator[Workers]:
    """Worker processes until the block ends; they are ready when it begins."""
    workers = Workers(size, queue, **bounds)
    task = asyncio.create_task(workers.run())
    try:
        await eventually(lambda: len(workers.process_ids) == size)
        yield workers
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def exported_spans() -> Iterator[Callable[[], Sequence[ReadableSpan]]]:
    """Gives the spans that this process has finished since the test began."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        telemetry.configure("verifier", None)
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter.get_finished_spans
    exporter.shutdown()
