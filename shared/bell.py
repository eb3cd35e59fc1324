"""Wakes workers as soon as a commit has left them work, in whatever process of the service they run.

Whoever stores work in a transaction calls `leave_work_for`; the commit rings. It is a hint and no more: a process may
die before it is passed on, so whoever waits looks now and then all the same.
"""

import asyncio
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from uuid import uuid4

# What comes within so short a time is taken together: each look is a transaction, and a notice is one to the server.
PACE_SECONDS = 0.04

_left: ContextVar[set[str] | None] = ContextVar("left", default=None)


def leave_work_for(worker: str) -> None:
    """Say that the transaction at hand leaves work for workers of this name, whom its commit wakes.

    That is one of `Database.transaction`. Whoever commits otherwise rings by itself, or is found at the next look.
    """
    left = _left.get()
    if left is not None:
        left.add(worker)


@contextmanager
def leaving() -> Iterator[set[str]]:
    """Give the workers for whom work is left within the block."""
    left: set[str] = set()
    token = _left.set(left)
    try:
        yield left
    finally:
        _left.reset(token)


class Waiter:
    """One loop of a worker, made once: it rests until there is work."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._rested_at = 0.0

    def wake(self) -> None:
        """End its rest."""
        self._news.set()

    async def rest(self, seconds: float) -> None:
        """Wait until there is work, at most so long; the first after a pause waits for nothing, others are gathered.

        Work that came since the last rest ends this one.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
                await asyncio.sleep(self._rested_at + PACE_SECONDS - time.monotonic())
        self._news.clear()
        self._rested_at = time.monotonic()


class Bell:
    """One process's: rung by the commits of its databases, heard by its waiters, and passed on to other processes."""

    def __init__(self) -> None:
        self.name = uuid4().hex
        self._waiters: dict[str, list[Waiter]] = {}
        self._untold: set[str] = set()
        self._rung = asyncio.Event()

    def waiter(self, worker: str) -> Waiter:
        """Return one that is woken from now on, with all others of this name."""
        made = Waiter()
        self._waiters.setdefault(worker, []).append(made)
        return made

    def ring(self, workers: Collection[str]) -> None:
        """Wake these workers here, and have other processes told."""
        self.wake(workers)
        self._untold.update(workers)
        self._rung.set()

    def wake(self, workers: Collection[str]) -> None:
        """Wake these workers here."""
        for each in workers:
            for waiter in self._waiters.get(each, ()):
                waiter.wake()

    def wake_all(self) -> None:
        """Wake all who wait here: nobody knows what they have not heard."""
        self.wake(self._waiters)

    async def untold(self) -> list[str]:
        """Wait until somebody was rung for of whom others have not been told, and return the workers' names."""
        await self._rung.wait()
        self._rung.clear()
        workers, self._untold = sorted(self._untold), set()
        return workers
