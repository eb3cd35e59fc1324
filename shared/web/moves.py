"""How something that takes long goes on, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Protocol

from fastapi.sse import ServerSentEvent

# A stream is not for ever, so that a service that is told to stop does; its reader connects again by itself.
MAX_LOOKS = 600


class Moving(Protocol):
    """What ends at some time."""

    @property
    def ended_at(self) -> datetime | None:
        """When it did; None until then."""


async def moves(event: str, look: Callable[[], Awaitable[Moving]], seconds: float) -> AsyncIterator[ServerSentEvent]:
    """Give what `look` shows, every so many seconds, as often as it is another than before; ends when it has ended."""
    last = None
    for _ in range(MAX_LOOKS):
        seen = await look()
        if seen != last:
            last = seen
            yield ServerSentEvent(event=event, data=seen)
        if seen.ended_at is not None:
            return
        await asyncio.sleep(seconds)
