"""Keeps for a short time what was fetched for badges: issuers' documents and status lists, and that there was none.

    copy = await Copies(Fetcher()).get("https://college.example/.well-known/did.json", caller="192.0.2.7")

Nothing is kept for longer than its server allows and MAX_SECONDS; how old a copy may be for the use that is made of it
is decided where it is read (domain/lifetimes.py), and it is asked for anew with `anew`.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from prometheus_client import Counter, Gauge

from services.verifier.fetch import Fetcher, Gone, Got, HostTrouble
from shared.errors import LaurelError

MAX_SECONDS = 300.0
MAX_COPIES = 2_000
MAX_BYTES = 32 * 1024 * 1024
# Long enough for a batch to ask once, short enough for who mends his server and tries again.
FAILED_SECONDS = 5.0
# A host that failed so often in a row is left alone for so long, and then asked once.
FAILURES = 3
PAUSE_SECONDS = 30.0
MAX_HOSTS = 1_000

ASKED = Counter("laurel_fetched_total", "What badges needed from elsewhere, by where it came from", ["source"])
KEPT_BYTES = Gauge("laurel_fetched_kept_bytes", "Size of what is kept of what was fetched")

Clock = Callable[[], float]
"""Seconds that only ever go forward."""
Key = tuple[str, int]
"""An address, and how many redirects are followed from it."""
Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class Copy:
    """The text that stood at an address when it was `asked`; None where there was none to be had.

    `gone`: its host said that there is none any more.
    """

    text: str | None
    asked: float
    keep: float = FAILED_SECONDS
    gone: bool = False


class Breaker:
    """Keeps from asking hosts that do not answer: they are spared, and so are those who would wait for them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def is_open(self, host: str) -> bool:
        """Tell whether a host is not to be asked now."""
        failures, last = self._failures.get(host, (0, 0.0))
        return failures >= FAILURES and self._clock() < last + PAUSE_SECONDS

    def note(self, host: str, *, answered: bool) -> None:
        """Take in whether a host answered, be it with a refusal."""
        failures, _ = self._failures.pop(host, (0, 0.0))
        if not answered:
            self._failures[host] = (failures + 1, self._clock())
        while len(self._failures) > MAX_HOSTS:
            self._failures.popitem(last=False)


class Copies:
    """Copies of what stands at addresses, bounded in number and bytes; those not used for longest go first."""

    def __init__(self, fetcher: Fetcher, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self._fetcher = fetcher
        self._breaker = Breaker(clock)
        self._kept: OrderedDict[Key, Copy] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[Key, asyncio.Task[Copy]] = {}
        self._waiting: dict[tuple[Key, str], asyncio.Task[Copy]] = {}

    async def get(self, url: str, caller: str, *, redirects: int = 0, anew: bool = False) -> Copy:
        """Return a copy that may still be used, or else what is fetched now, once for all who ask meanwhile.

        It is fetched in a place of whoever has one first. With `anew` no copy from before counts. Never raises for what
        goes wrong on the way.
        """
        key = url, redirects
        kept = None if anew else self._usable(key)
        if kept is not None:
            ASKED.labels("kept").inc()
            return kept
        task = self._under_way.get(key) or self._waiting.get((key, caller))
        task = task or _begun(self._waiting, (key, caller), self._in_place(key, caller, anew=anew))
        # Whoever began it may go away; the others still wait.
        return await asyncio.shield(task)

    async def _in_place(self, key: Key, caller: str, *, anew: bool) -> Copy:
        """Fetch in a place of the caller's own: behind another's fetches it would come as late as that one likes."""
        async with self._fetcher.places.wait(caller):
            kept = None if anew else self._usable(key)
            return kept or await (self._under_way.get(key) or _begun(self._under_way, key, self._fetch(key)))

    def _usable(self, key: Key) -> Copy | None:
        copy = self._kept.get(key)
        if copy is None or self.clock() - copy.asked >= copy.keep:
            return None
        self._kept.move_to_end(key)
        return copy

    async def _fetch(self, key: Key) -> Copy:
        url, redirects = key
        host, asked = urlsplit(url).netloc.lower(), self.clock()
        if self._breaker.is_open(host):
            ASKED.labels("host_left_alone").inc()
            return Copy(None, asked)
        try:
            copy = _copy(await self._fetcher.get(url, redirects), asked)
        except LaurelError as error:
            copy = Copy(None, asked, gone=isinstance(error, Gone))
            self._breaker.note(host, answered=not isinstance(error, HostTrouble))
        else:
            self._breaker.note(host, answered=True)
        ASKED.labels("failed" if copy.text is None else "fetched").inc()
        self._keep(key, copy)
        return copy

    def _keep(self, key: Key, copy: Copy) -> None:
        self._forget(key)
        if copy.keep <= 0:
            return
        self._kept[key] = copy
        self._bytes += _size(key, copy)
        while len(self._kept) > MAX_COPIES or self._bytes > MAX_BYTES:
            self._forget(next(iter(self._kept)))
        KEPT_BYTES.set(self._bytes)

    def _forget(self, key: Key) -> None:
        copy = self._kept.pop(key, None)
        self._bytes -= _size(key, copy) if copy else 0


def _begun(tasks: dict[Name, asyncio.Task[Copy]], name: Name, work: Coroutine[Any, Any, Copy]) -> asyncio.Task[Copy]:
    """Return work as a task that stands among `tasks` until it ends."""
    task = tasks[name] = asyncio.create_task(work)
    task.add_done_callback(lambda _: tasks.pop(name, None))
    return task


def _copy(got: Got, asked: float) -> Copy:
    keep = MAX_SECONDS if got.max_age is None else min(got.max_age, MAX_SECONDS)
    try:
        return Copy(got.body.decode(), asked, keep)
    except UnicodeDecodeError:  # neither JSON nor a token
        return Copy(None, asked, min(keep, FAILED_SECONDS))


def _size(key: Key, copy: Copy) -> int:
    """Return about what a copy takes in memory, a text with wide characters included."""
    return 500 + 2 * len(key[0]) + 4 * len(copy.text or "")
