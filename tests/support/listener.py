"""An HTTP server of a test's own that keeps what it is sent: webhooks, and traces as OTLP's protobuf."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.ports import free_port


@dataclass(frozen=True)
class Webhook:
    """One request to the receiver."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class SeenSpan:
    """One exported span, with the name of the service that made it."""

    service: str
    span: Span

    @property
    def trace_id(self) -> str:
        """The trace, as 32 hexadecimal digits."""
        return self.span.trace_id.hex()

    @property
    def links(self) -> set[str]:
        """The traces that it links to."""
        return {link.trace_id.hex() for link in self.span.links}


@dataclass
class Listener:
    """What came in so far; `status_of` decides how a webhook is answered."""

    port: int
    webhooks: list[Webhook] = field(default_factory=list)
    spans: list[SeenSpan] = field(default_factory=list)
    status_of: Callable[[Webhook], int] = lambda _: 204

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.port}"

    async def webhook(self, request: Request) -> Response:
        """Keep a webhook."""
        seen = Webhook(request.url.path, dict(request.headers), await request.body())
        self.webhooks.append(seen)
        return Response(status_code=self.status_of(seen))

    async def traces(self, request: Request) -> Response:
        """Keep an export's spans."""
        export = ExportTraceServiceRequest.FromString(await request.body())
        for group in export.resource_spans:
            names = {each.key: each.value.string_value for each in group.resource.attributes}
            for scope in group.scope_spans:
                self.spans += [SeenSpan(names["service.name"], span) for span in scope.spans]
        return Response(media_type="application/x-protobuf")

    def services(self) -> set[str]:
        """The services with a span in any trace."""
        return {each.service for each in self.spans}

    def of(self, trace_id: str) -> list[SeenSpan]:
        """The spans of one trace."""
        return [each for each in self.spans if each.trace_id == trace_id]

    def services_of(self, trace_id: str) -> set[str]:
        """The services with a span in one trace."""
        return {each.service for each in self.of(trace_id)}


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """Run a listener on a free port of loopback until the block ends."""
    listener = Listener(free_port())
    routes = [
        Route("/v1/traces", listener.traces, methods=["POST"]),
        Route("/{path:path}", listener.webhook, methods=["POST"]),
    ]
    config = uvicorn.Config(Starlette(routes=routes), port=listener.port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
    try:
        yield listener
    finally:
        server.should_exit = True
        await serving
