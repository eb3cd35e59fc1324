"""Runs one service in a role: opens its databases and log, serves its routes, keeps its tasks going, then drains."""

import argparse
import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import structlog
from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from shared import telemetry
from shared.db import Database, is_failure_of_ours, refuse_privilege
from shared.messaging.log import open_log
from shared.messaging.ports import EventLog, LogUnavailable
from shared.ringing import hear, tell
from shared.settings import Settings
from shared.web import health, idempotency, pages, problems
from shared.web.auth import Authenticator
from shared.web.limits import BodyLimit
from shared.web.server import run_until_told, serving

log = structlog.get_logger()

S = TypeVar("S", bound=Settings)
Task = Callable[[], Coroutine[None, None, None]]
# The embedded log compacts as often; heartbeats are most of what it drops.
HOUSE_SECONDS = 30.0
ROLES = ("api", "worker", "all")
# Records come and go by the hundred, and hardly anything of them refers in a circle: with Python's own 700 a tenth of
# the time went into looking for what does.
COLLECT_AFTER = (50_000, 5, 5)


@dataclass(frozen=True)
class Runtime(Generic[S]):
    """What a service is built on: its settings, its two pools, the event log."""

    settings: S
    app: Database  # routes: row-level security holds
    worker: Database  # relay, consumers, operator routes: reads every tenant's rows
    log: EventLog


@dataclass(frozen=True)
class Parts:
    """What a service is made of.

    `routers` make its api; `state` is what their dependencies find on `app.state`. `tasks` make its worker, and
    `route_tasks` run beside the routes: each runs until it is cancelled, and one that ends by itself ends the process.
    `troubles` names what keeps it from its work. `larger_bodies` has, by path, how many bytes a route takes that takes
    more than others, and `streamed_bodies` those of a route that reads its body itself, piece by piece.
    """

    routers: Sequence[APIRouter]
    tasks: Mapping[str, Task]
    state: Mapping[str, Any] = field(default_factory=dict)
    troubles: Callable[[], Mapping[str, str]] = dict
    # For each kind of API key that another service issues: that service's source, such as "/laurel/issuer".
    foreign_keys: Mapping[str, str] = field(default_factory=dict)
    route_tasks: Mapping[str, Task] = field(default_factory=dict)
    larger_bodies: Mapping[str, int] = field(default_factory=dict)
    streamed_bodies: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Service(Generic[S]):
    """A service by name: how its settings are read and how its parts are put together."""

    name: str
    title: str
    settings: Callable[[], S]
    build: Callable[[Runtime[S]], Parts]


@asynccontextmanager
async def running(service: Service[S], settings: S, role: str = "all") -> AsyncIterator[str]:
    """Run `service` in `role` until the block ends; gives its base URL (port 0: a free one).

    Raises whatever a task that gave up raised; PermissionError where the api's database role may too much.
    """
    async with AsyncExitStack() as stack:
        runtime = await _runtime(stack, service, settings)
        if role != "worker":
            await refuse_privilege(runtime.app)
        parts = service.build(runtime)
        listener = socket.create_server((settings.host, settings.port), backlog=1024)
        stack.callback(listener.close)
        app = _app(service, runtime, parts, with_routes=role != "worker")
        ringing: dict[str, Task] = {"ring": partial(tell, runtime.app if role == "api" else runtime.worker)}
        tasks = ringing if role == "api" else {**ringing, **parts.tasks, **_upkeep(runtime)}
        tasks |= {} if role == "worker" else parts.route_tasks
        async with _tasks(tasks), serving(app, listener):
            host, port = listener.getsockname()[:2]
            log.info("started", role=role, host=host, port=port)
            yield f"http://{host}:{port}"


def main(service: Service[S]) -> None:
    """`python -m services.<name> api|worker|all|migrate|topics`."""
    parser = argparse.ArgumentParser(prog=f"services.{service.name}", description=service.title)
    parser.add_argument(
        "role",
        choices=[*ROLES, "migrate", "topics"],
        help="api: the routes; worker: relay and consumers; all: both in one process; "
        "migrate: bring the database up to date; topics: make the event log's topics",
    )
    role: str = parser.parse_args().role
    settings = service.settings()
    telemetry.configure(service.name, settings.otlp_endpoint)
    if role == "migrate":
        from shared.migrate import migrate  # noqa: PLC0415  # a second driver, which no service needs while it runs

        log.info("migrated", applied=migrate(settings.owner_dsn, service.name))
    elif role == "topics":
        asyncio.run(_create_topics(settings))
    else:
        gc.freeze()  # the code stays: no collection looks at it
        gc.set_threshold(*COLLECT_AFTER)
        run_until_told(running(service, settings, role))


async def _create_topics(settings: Settings) -> None:
    event_log = open_log(settings)
    await event_log.create_topics()
    await event_log.close()
    log.info("topics_ready")


async def _runtime(stack: AsyncExitStack, service: Service[S], settings: S) -> Runtime[S]:
    app = await Database.open(settings.app_dsn, settings.pool_size)
    stack.push_async_callback(app.close)
    worker = await Database.open(settings.worker_dsn, settings.pool_size, app.bell)
    stack.push_async_callback(worker.close)
    event_log = open_log(settings)
    stack.push_async_callback(event_log.close)
    return Runtime(settings, app, worker, event_log)


def _app(service: Service[S], runtime: Runtime[S], parts: Parts, *, with_routes: bool) -> FastAPI:
    settings = runtime.settings
    app = FastAPIOffline(
        title=service.title,
        version="1",
        separate_input_output_schemas=False,
        redoc_url=None,
        redirect_slashes=False,  # it would send an address, with a token perhaps, to whatever Host names
        # FastAPI's own would record exceptions' messages, and make each span a second time (shared/telemetry.py).
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.database = runtime.app if with_routes else runtime.worker
    app.state.worker_database = runtime.worker
    app.state.settings = settings
    app.state.troubles = parts.troubles
    app.state.authenticator = Authenticator(runtime.app, settings.operator_secret(), parts.foreign_keys)
    for name, value in parts.state.items():
        setattr(app.state, name, value)
    problems.install(app)
    for router in (health.router, pages.assets, *(parts.routers if with_routes else ())):
        app.router.routes.extend(router.routes)  # `include_router` would make each of them a second time
    bodies = (settings.max_body_bytes, settings.body_seconds, parts.larger_bodies, parts.streamed_bodies)
    app.add_middleware(BodyLimit, *bodies)
    telemetry.instrument(app)
    return app


def _upkeep(runtime: Runtime[Any]) -> dict[str, Task]:
    return {"hear": partial(hear, runtime.worker), "house": partial(_keep_house, runtime)}


async def _keep_house(runtime: Runtime[Any]) -> None:
    """Do now and then what keeps tables small, for the log where it does not do so itself, and for the routes."""
    while True:
        try:
            await runtime.log.tend()
            async with runtime.worker.transaction() as tx:
                await idempotency.forget_old(tx)
        except Exception as error:
            if not isinstance(error, LogUnavailable) and not is_failure_of_ours(error):
                raise
            log.warning("house_not_kept", error=type(error).__name__)
        await asyncio.sleep(HOUSE_SECONDS)


@asynccontextmanager
async def _tasks(tasks: Mapping[str, Task]) -> AsyncIterator[None]:
    """Run `tasks` beside the block; when one ends by itself, the block is cancelled and its error raised."""
    block = asyncio.current_task()
    running = [asyncio.create_task(_named(name, task), name=name) for name, task in tasks.items()]
    ended: list[asyncio.Task[None]] = []

    def end(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and block is not None:
            ended.append(task)
            block.cancel()

    for task in running:
        task.add_done_callback(end)
    try:
        yield
    except asyncio.CancelledError:
        if not ended:
            raise
        raise ended[0].exception() or RuntimeError(f"task {ended[0].get_name()} ended") from None
    finally:
        for task in running:
            task.remove_done_callback(end)
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _named(name: str, task: Task) -> None:
    structlog.contextvars.bind_contextvars(task=name)
    await task()
