"""Serves an app over HTTP, and ends when the process is told to."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from shared.web.limits import PatientProtocol

log = structlog.get_logger()


@asynccontextmanager
async def serving(app: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on `listener` until the block ends; requests under way are finished."""
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        log_config=None,
        access_log=False,  # addresses may carry private links; spans and metrics tell the rest
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=20,
        limit_concurrency=1000,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110  # uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task


def run_until_told(block: AbstractAsyncContextManager[Any]) -> None:
    """Enter `block` and leave it on SIGTERM or SIGINT."""
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(_until_told(block))


async def _until_told(block: AbstractAsyncContextManager[Any]) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with block:
        await told.wait()
        log.info("stopping")


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop  # noqa: PLC0415  # tests run services on their own loop and need none

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: the process has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield
