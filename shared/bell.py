"""Wakes workers as soon as a commit has left them work, in whatever process of the service they run.

Whoever stores work in a transaction calls `leave`; the commit rings. It is a hint and no more: a process may die before
it is passed on, so whoever waits looks now and then all the same.
"""

import asyncio
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from uuid import uuid4

PACE_SECONDS = 0.04

_left: ContextVar[set[str] | None] = ContextVar("left", default=None)


def leave(work: str) -> None:
    """Say that the transaction at hand leaves work of this kind; its commit wakes those who wait for it."""
    left = _left.get()
    if left is not None:
        left.add(work)


@contextmanager
def leaving() -> Iterator[set[str]]:
    """Give the kinds of work that are left within the block."""
    left: set[str] = set()
    token = _left.set(left)
    try:
        yield left
    finally:
        _left.reset(token)


class Waiter:
    """One that waits for work of one kind."""

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

    def waiter(self, work: str) -> Waiter:
        """Return one that is woken from now on."""
        made = Waiter()
        self._waiters.setdefault(work, []).append(made)
        return made

    def ring(self, work: Collection[str]) -> None:
        """Wake those who wait here, and have others told."""
        self.wake(work)
        self._untold.update(work)
        self._rung.set()

    def wake(self, work: Collection[str]) -> None:
        """Wake those who wait here."""
        for each in work:
            for waiter in self._waiters.get(each, ()):
                waiter.wake()

    def wake_all(self) -> None:
        """Wake all who wait here: nobody knows what they have not heard."""
        self.wake(self._waiters)

    async def untold(self) -> list[str]:
        """Wait until something was rung that others have not been told, and return it."""
        await self._rung.wait()
        self._rung.clear()
        work, self._untold = sorted(self._untold), set()
        return work
