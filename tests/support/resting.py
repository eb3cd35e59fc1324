"""Workers that rest until they are rung for: no look that comes with the time finds what nobody has rung for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from shared import bell
from shared.bell import Bell, Waiter
from tests.support.poll import eventually

# Shorter rests gather what comes together; in these and longer ones nobody expects that there is work.
IDLE_SECONDS = 0.5
FOR_EVER = 3600


class Sleeper(Waiter):
    """Idles for ever where others would look once a second."""

    def __init__(self) -> None:
        super().__init__()
        self._idle = False
        self.deaf = False

    def wake(self) -> None:
        if not self.deaf:
            super().wake()

    async def rest(self, seconds: float) -> None:
        self._idle = seconds >= IDLE_SECONDS
        await super().rest(FOR_EVER if self._idle else seconds)
        self._idle = False

    def sleeps(self) -> bool:
        """Tell whether it idles, with nothing to wake it."""
        return self._idle and not self._news.is_set()


class Sleepers:
    """The workers of all services that are run in this process from now on: those of these names at the least."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self._made: dict[str, list[Sleeper]] = {name: [] for name in names}
        monkeypatch.setattr(bell, "Waiter", Sleeper)
        monkeypatch.setattr(Bell, "waiter", self._noting(Bell.waiter))
        # Who begins to listen wakes all: that would find what was left meanwhile.
        monkeypatch.setattr(Bell, "wake_all", lambda _: None)

    def _noting(self, waiter: Callable[[Bell, str], Waiter]) -> Callable[[Bell, str], Waiter]:
        def made(of: Bell, name: str) -> Waiter:
            one = waiter(of, name)
            assert isinstance(one, Sleeper)
            self._made.setdefault(name, []).append(one)
            return one

        return made

    async def asleep(self) -> None:
        """Return once all have looked, and rest: what is left them from now on they find if they are rung for."""
        await eventually(lambda: all(some and all(each.sleeps() for each in some) for some in self._made.values()))

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Let nobody be woken within the block, nor after it by what was rung within."""
        everyone = [each for some in self._made.values() for each in some]
        for each in everyone:
            each.deaf = True
        yield
        for each in everyone:
            each.deaf = False
