"""Has badges looked into, and fetches in between what strangers' badges need: issuers' documents, then their lists."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from services.verifier.fetch import AT_ONCE_PER_CALLER
from services.verifier.fetched import Copies, Copy
from services.verifier.jobs import Failed, Found, Job, Presenting, Text, Wanted
from services.verifier.workers import Workers
from shared.credentials.presentations import Shown

# One badge needs its issuer's document, its key, up to four lists and three schemas, and its endorsers'; one of Open
# Badges 2.0 itself, class, issuer, key, list.
MAX_PER_BADGE = 16
# Of one request, however many badges it has: addresses, seconds spent on asking, and characters held until its end.
MAX_PER_REQUEST = 256
MAX_SECONDS = 30.0
MAX_CHARACTERS = 32 * 1024 * 1024
# Each round brings a badge something that it lacked; this ends what can't happen.
MAX_ROUNDS = 2 * MAX_PER_BADGE

IsOurs = Callable[[str], bool]
Asked = TypeVar("Asked", Job, Presenting)


@dataclass(frozen=True)
class LookedInto:
    """What came of a badge; `age` is that of the oldest thing that was fetched for it, None where nothing was."""

    outcome: Found | Failed
    age: timedelta | None


async def look_into(
    jobs: Sequence[Job], caller: str, workers: Workers, copies: Copies, is_ours: IsOurs
) -> list[LookedInto]:
    """Look into the badges of one request; what is fetched for one is there for all of them.

    What can't be had, or is one too many, is missing to those alone that need it. Raises as `Workers.check_all`.
    """
    errand = Errand(copies, caller, is_ours)
    jobs, done = list(jobs), await workers.check_all(jobs)
    for _ in range(MAX_ROUNDS):
        wanting = {place: each for place, each in enumerate(done) if isinstance(each, Wanted)}
        if not wanting:
            break
        await errand.run([(jobs[place], wanted) for place, wanted in wanting.items()])
        for place, wanted in wanting.items():
            jobs[place] = errand.supplied(jobs[place], wanted)
        again = await workers.check_all([jobs[place] for place in wanting])
        for place, outcome in zip(wanting, again, strict=True):
            done[place] = outcome
    return [LookedInto(_ended(outcome), _age(job)) for job, outcome in zip(jobs, done, strict=True)]


async def show(job: Presenting, caller: str, workers: Workers, copies: Copies, is_ours: IsOurs) -> Shown | Failed:
    """Look into a presentation, and fetch in between what says which keys its holder has."""
    errand = Errand(copies, caller, is_ours)
    shown = await workers.present(job)
    for _ in range(MAX_ROUNDS):
        if not isinstance(shown, Wanted):
            break
        await errand.run([(job, shown)])
        job = errand.supplied(job, shown)
        shown = await workers.present(job)
    return Failed(failed="error", error="WantedTooMuch") if isinstance(shown, Wanted) else shown


class Errand:
    """What is fetched for one request, each thing once, within the request's bounds."""

    def __init__(self, copies: Copies, caller: str, is_ours: IsOurs) -> None:
        self._copies = copies
        self._caller = caller
        self._is_ours = is_ours
        self._began = copies.clock()
        self._found: dict[tuple[str, int], Copy] = {}
        self._left = MAX_PER_REQUEST
        self._room = MAX_CHARACTERS
        self._seconds = MAX_SECONDS

    async def run(self, wanting: Iterable[tuple[Job | Presenting, Wanted]]) -> None:
        """Fetch what badges want and nobody had before; what was fetched before this request and is too old, anew."""
        wanted = dict.fromkeys(key for job, each in wanting for key in self._lacking(job, each))
        asked = [key for key in wanted if not self._is_ours(key[0])][: self._left]
        self._left -= len(asked)
        old = {key for key in asked if self._found.pop(key, None)}
        began = time.monotonic()
        places = asyncio.Semaphore(AT_ONCE_PER_CALLER)

        async def one(url: str, redirects: int) -> None:
            async with places:
                copy = await self._copies.get(url, self._caller, redirects=redirects, anew=(url, redirects) in old)
            self._room -= len(copy.text or "")
            if self._room >= 0:
                self._found[url, redirects] = copy

        try:
            async with asyncio.timeout(max(0.0, self._seconds)):
                await asyncio.gather(*(one(*key) for key in asked))
        except TimeoutError:
            pass  # what has not come is missing
        self._seconds -= time.monotonic() - began

    def _lacking(self, job: Job | Presenting, wanted: Wanted) -> Iterable[tuple[str, int]]:
        room = MAX_PER_BADGE - len(set(job.fetched) - set(wanted.urls))
        for url in wanted.urls[: max(0, room)]:
            copy = self._found.get((url, wanted.redirects))
            if copy is None or (url in job.fetched and copy.asked < self._began):
                yield url, wanted.redirects

    def supplied(self, job: Asked, wanted: Wanted) -> Asked:
        """Return a job with what it wants, as far as that is here."""
        return job.model_copy(
            update={"fetched": {**job.fetched, **{url: self._text(url, wanted.redirects) for url in wanted.urls}}}
        )

    def _text(self, url: str, redirects: int) -> Text:
        copy = self._found.get((url, redirects))
        if copy is None:
            return Text(text=None)
        return Text(text=copy.text, age=self._began - copy.asked, gone=copy.gone, redirects=redirects)


def _ended(outcome: Found | Failed | Wanted) -> Found | Failed:
    return Failed(failed="error", error="WantedTooMuch") if isinstance(outcome, Wanted) else outcome


def _age(job: Job) -> timedelta | None:
    ages = [each.age for each in job.fetched.values() if each.text is not None]
    return timedelta(seconds=max(0.0, *ages)) if ages else None
