"""Ends aiokafka's clients, which may be past ending themselves."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def ended(stop: Coroutine[Any, Any, None], seconds: float) -> bool:
    """Let `stop` end a client within `seconds`; return whether it did. What it raises is nobody's concern any more.

    One that lost its broker half-way may swallow its cancellation, and whoever waited for that (asyncio.wait_for does,
    in Python 3.11) would wait for ever. It is called off and left behind.
    """
    task = asyncio.ensure_future(stop)
    task.add_done_callback(lambda each: each.cancelled() or each.exception())
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        task.cancel()
    return task.done() and not task.cancelled() and task.exception() is None
