"""The rounds of a worker: one after the other until it is cancelled, further apart while PostgreSQL is away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from shared import db
from shared.bell import Waiter
from shared.messaging.pace import BackOff

log = structlog.get_logger()

# Between two looks of whoever is woken when there is work: a hint may be lost, and some work comes with the time alone.
IDLE_SECONDS = 1.0


async def keep_doing(once: Callable[[], Awaitable[float]], waits: str) -> NoReturn:
    """Do `once` again and again, until cancelled; it returns after how many seconds it is to be done next.

    What `shared.db.is_failure_of_ours` is waited out, and logged as the event `waits`; anything else is raised.
    """
    back_off = BackOff()
    while True:
        try:
            pause = await once()
        except Exception as error:
            if not db.is_failure_of_ours(error):
                raise
            log.warning(waits, reason=type(error).__name__)
            await back_off.wait()
        else:
            back_off.reset()
            await asyncio.sleep(pause)


async def keep_working(step: Callable[[], Awaitable[object]], waits: str, waiter: Waiter) -> NoReturn:
    """Do `step` until cancelled: again at once while it returns that it did something, else when `waiter` is woken.

    It is done once in IDLE_SECONDS all the same. Failures are as of `keep_doing`.
    """

    async def once() -> float:
        if not await step():
            await waiter.rest(IDLE_SECONDS)
        return 0.0

    await keep_doing(once, waits)
