"""A verifier on a database and an event log of its own: its routes over HTTP, its handlers, employers with keys."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from shared.db import Tx
from shared.messaging import projections
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import Message
from shared.service import Parts, Runtime
from tests.integration.verifier.builders import PUBLIC_URL, Institution
from tests.support.people import bearer
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.records import beats, delivery
from tests.support.service import FOR_A_WHILE, OPERATOR, ServiceUnderTest, prepared


class Verifier(ServiceUnderTest):
    """The verifier under test. Without its worker running, `feed` does what its consumer would."""

    SERVICE = SERVICE
    shared_checkers: Workers | None = None

    async def keep_copies(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        await state.follow(tx, deliveries)

    @asynccontextmanager
    async def serving(self, role: str = "api", **settings: Any) -> AsyncIterator["Verifier"]:
        """Run the service in a role until the block ends; it is ready when the block begins.

        Its worker processes are those that all tests share, unless the test has a setting of its own for them.
        """
        own = self.shared_checkers is None or any(
            name.startswith("check_") or name == "extra_contexts" for name in settings
        )
        self.SERVICE = SERVICE if own else replace(SERVICE, build=self._build)
        async with super().serving(role, **settings):
            await eventually(self._ready)
            yield self

    def _build(self, runtime: Runtime[VerifierSettings]) -> Parts:
        parts = SERVICE.build(runtime)
        desk = replace(parts.state["desk"], workers=self.shared_checkers)
        others = {name: task for name, task in parts.route_tasks.items() if name != "checkers"}
        return replace(parts, state={**parts.state, "desk": desk}, route_tasks=others)

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
        return bearer(answer.json()["api_key"])

    async def execute(self, statement: str, *values: Any) -> None:
        """Change something behind the service's back."""
        async with self.worker.transaction() as tx:
            await tx.execute(statement, *values)


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    """What came of each check, by name."""
    return {check["name"]: check["outcome"] for check in report["checks"]}


@pytest.fixture(scope="session")
async def checkers() -> AsyncIterator[Workers]:
    """Worker processes for all tests: to start one takes a second of CPU time."""
    async with pool() as workers:
        yield workers


@pytest.fixture
def kek_file(tmp_path: Path) -> Path:
    """A file with a sealing key."""
    path = tmp_path / "kek"
    path.write_bytes(b64encode(secrets.token_bytes(32)))
    return path


@pytest.fixture
async def verifier(
    clean_database: Callable[[str], CleanDatabase], kek_file: Path, checkers: Workers
) -> AsyncIterator[Verifier]:
    """The verifier under test, not running."""
    settings: dict[str, Any] = {
        "kek_file": kek_file,
        "anonymous_rate": "10000/minute",
        "check_workers": 1,
        "max_status_age": FOR_A_WHILE,
    }
    async with prepared(Verifier, clean_database, public_url=PUBLIC_URL, **settings) as made:
        made.shared_checkers = checkers
        yield made


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
