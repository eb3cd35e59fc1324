"""When to try again, and when to do what is done now and then."""

import asyncio
import random
import time


class BackOff:
    """Waits 0.1 s, then twice as long each time up to 5 s, each time between half of that and all of it."""

    def __init__(self) -> None:
        self._seconds = 0.1

    async def wait(self) -> None:
        """Wait; the next time takes longer."""
        await asyncio.sleep(self._seconds * random.uniform(0.5, 1))  # noqa: S311  # spreads load, guards nothing
        self._seconds = min(self._seconds * 2, 5.0)

    def reset(self) -> None:
        """Begin with short waits again."""
        self._seconds = 0.1


class Every:
    """Says when `seconds` have passed since it last said so; at first it says so at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = 0.0

    def due(self) -> bool:
        """Return whether it is time, and begin to wait anew if it is."""
        now = time.monotonic()
        if now < self._at:
            return False
        self._at = now + self._seconds
        return True
