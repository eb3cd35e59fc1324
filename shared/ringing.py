"""Passes on between the processes of one service what their bells ring, by PostgreSQL's NOTIFY."""

import asyncio
from typing import NoReturn

import asyncpg
import structlog

from shared.bell import PACE_SECONDS
from shared.db import FAILURES_OF_OURS, Connection, Database
from shared.messaging.pace import BackOff

log = structlog.get_logger()

CHANNEL = "laurel_work"
# A hint that can't be given or heard ends nobody: a full queue of notices, say, or a server that only reads.
FAILURES: tuple[type[BaseException], ...] = (*FAILURES_OF_OURS, asyncpg.PostgresError)


async def tell(database: Database) -> NoReturn:
    """Tell other processes what is rung in this one, until cancelled.

    In transactions of their own, a few a second: commits that notify are done one after the other, in the whole server,
    and these have nothing to write to the disk.
    """
    bell = database.bell
    while True:
        workers = await bell.untold()
        try:
            async with database.pool.acquire() as connection:
                await connection.execute(
                    "select pg_notify($1, $2 || '/' || name) from unnest($3::text[]) as name",
                    CHANNEL,
                    bell.name,
                    workers,
                )
        except FAILURES as error:
            log.warning("bell_not_rung", error=type(error).__name__)
        await asyncio.sleep(PACE_SECONDS)


async def hear(database: Database) -> NoReturn:
    """Wake those who wait here for what is rung in other processes, until cancelled."""
    bell, back_off = database.bell, BackOff()

    def heard(_connection: object, _process_id: int, _channel: str, payload: object) -> None:
        process, _, worker = str(payload).partition("/")
        if process != bell.name:
            bell.wake([worker])

    while True:
        try:
            async with database.session() as connection:
                await connection.add_listener(CHANNEL, heard)
                bell.wake_all()
                back_off.reset()
                await _end_of(connection)
        except FAILURES as error:
            log.warning("bell_not_heard", error=type(error).__name__)
        await back_off.wait()


async def _end_of(connection: Connection) -> None:
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    if not connection.is_closed():
        await ended.wait()
