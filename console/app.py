"""Puts the console together: the public page, the operator's pages, and the store of spans behind OTLP/HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from fastapi import FastAPI

from console import api, index, institution, ops, receiver
from console.desk import Desk
from console.institution_sessions import InstitutionSessions, KeyNeeded
from console.monitor import Monitor
from console.neighbours import Asking, neighbours
from console.sessions import LoginNeeded, Sessions
from console.settings import ConsoleSettings
from console.spans import Bounds, SpanStore
from console.story import Teller
from shared import telemetry
from shared.errors import Unavailable
from shared.web import health, pages, problems
from shared.web.limits import BodyLimit
from shared.web.server import serving

# An export of 512 spans, the exporter's batch, has some 300 KiB.
MAX_BODY_BYTES = 4 * 1024 * 1024
TIDY_SECONDS = 60.0


def make_app(settings: ConsoleSettings) -> FastAPI:
    """Put the console together."""
    app = FastAPI(
        title="Laurel console",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # it would send an address, with a token perhaps, to whatever Host names
        # As in shared/service.py: FastAPI's own would make each span a second time.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    operator_key = settings.operator_secret()
    services = neighbours(settings)
    named = {each.name: each for each in services}
    app.state.settings = settings
    app.state.database = None
    app.state.troubles = dict
    app.state.neighbours = services
    app.state.spans = SpanStore(settings.span_folder, Bounds(spans=settings.span_count, bytes=settings.span_bytes))
    app.state.asking = Asking(operator_key)
    app.state.monitor = Monitor(app.state.asking, services)
    app.state.sessions = Sessions(operator_key)
    app.state.institutions = InstitutionSessions()
    app.state.desk = Desk(app.state.asking, named["issuer"], named["verifier"])
    app.state.teller = Teller(settings, app.state.spans, app.state.asking, named["registry"], named["notifier"])
    problems.install(app)
    app.add_exception_handler(LoginNeeded, ops.login_needed)
    app.add_exception_handler(KeyNeeded, institution.key_needed)
    people = (index.router, ops.public, ops.router, institution.public, institution.router)
    for router in (health.router, pages.assets, *people, api.router, receiver.router):
        app.include_router(router)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES, seconds=10.0)
    telemetry.instrument(app)
    return app


@asynccontextmanager
async def running(settings: ConsoleSettings) -> AsyncIterator[str]:
    """Run the console until the block ends; gives its base URL (port 0: a free one)."""
    async with AsyncExitStack() as stack:
        app = make_app(settings)
        stack.push_async_callback(app.state.asking.close)
        stack.push_async_callback(app.state.spans.close)
        listener = stack.enter_context(socket.create_server((settings.host, settings.port), backlog=128))
        tasks = {"monitor": app.state.monitor.run(), "spans": _tidy(app.state.spans)}
        running = {name: asyncio.create_task(task) for name, task in tasks.items()}
        stack.push_async_callback(_end, running.values())
        app.state.troubles = lambda: {name: "has ended" for name, task in running.items() if task.done()}
        await stack.enter_async_context(serving(app, listener))
        host, port = listener.getsockname()[:2]
        yield f"http://{host}:{port}"


async def _tidy(spans: SpanStore) -> None:
    """Drop what is too old, also while nothing new comes."""
    while True:
        with suppress(Unavailable):  # the store has told so itself, and the next export tries again
            await spans.tidy()
        await asyncio.sleep(TIDY_SECONDS)


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
