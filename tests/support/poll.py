"""Waits for what must become true, so that no test depends on how fast the machine is."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def eventually(predicate: Callable[[], Any], within: float = 60, every: float = 0.05) -> Any:
    """Ask `predicate` (plain or async) until it gives something true; return that.

    An AssertionError counts as "not yet", any other error is raised. After `within` seconds the last
    AssertionError is raised, or one that tells the last answer.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            answer = predicate()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return answer
            failure = AssertionError(f"not within {within:.0f} s; the last answer was {answer!r}")
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure
        await asyncio.sleep(every)
