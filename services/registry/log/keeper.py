"""The worker's task that keeps the log: one worker at a time, elected by an advisory lock.

One that does not know yet that it no longer is elected is fenced by the tree's row: every append locks it, and goes on
from what it finds there.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import NoReturn

import httpx
import structlog
from prometheus_client import Gauge

from services.registry.log.appending import BATCH, append, backfill
from services.registry.log.checkpoints import Checkpoints
from services.registry.log.checks import SecondPlaces, check
from services.registry.log.current import Log, Superseded, open_log
from services.registry.log.tree import TreeChanged
from services.registry.log.witnesses import ANSWER_SECONDS, Witnesses
from services.registry.store import log as store
from shared import db
from shared.db import Connection, Database
from shared.messaging import outbox
from shared.messaging.metrics import alarm
from shared.messaging.pace import BackOff, Every
from shared.messaging.ports import EventLog, LogUnavailable
from shared.rounds import IDLE_SECONDS
from shared.sealing import Sealer
from shared.transparency.errors import TransparencyError
from shared.transparency.policy import Policy

log = structlog.get_logger()

SIZE = Gauge("laurel_log_size", "Leaves of the transparency log")
WAITING = Gauge("laurel_log_waiting", "Entries that have no place in the log yet")
PUBLISHED = Gauge("laurel_log_published_size", "Leaves under the newest published checkpoint")
REFUSES = Gauge("laurel_log_refuses", "1 while nothing is logged, because history was changed or can't be compared")

ELECTED = "select pg_try_advisory_lock(hashtextextended('registry/log', 0))"
ELECTION_SECONDS = 1.0
REFUSED_SECONDS = 10.0
# While what was appended waits for its checkpoint.
BUSY_SECONDS = 0.1
CHECKPOINT_SECONDS = 0.25
# Witnesses are others' machines.
WITNESS_SECONDS = 1.0
MEASURE_SECONDS = 2.0


@dataclass(frozen=True)
class Terms:
    """What a log is called when it is made, the file with the keys that seal its own, and whose cosignatures it needs.

    `round_seconds` is how often a checkpoint is made at most, with witnesses and without.
    """

    origin: str | None
    kek_file: Path
    policy: Policy = field(default_factory=Policy)
    round_seconds: float | None = None


class LogKeeper:
    """Keeps the log while it is elected, and waits to be elected otherwise."""

    def __init__(self, database: Database, event_log: EventLog, places: SecondPlaces, terms: Terms) -> None:
        self._database = database
        self._event_log = event_log
        self._second_places = places
        self._terms = terms
        self._trouble: str | None = None
        self._waiter = database.bell.waiter(store.LOG_KEEPER)

    def trouble(self) -> str | None:
        """Return why nothing is logged; None while all is well, or another worker is at it."""
        return self._trouble

    async def run(self) -> None:
        """Keep the log until cancelled; raises SealingError where the key file can't be used.

        While PostgreSQL or the event log is away, or the tree is not what was signed, it says so, waits, and looks
        again.
        """
        sealer, back_off = Sealer.from_file(self._terms.kek_file), BackOff()
        while True:
            try:
                async with self._database.session() as connection:
                    if await connection.fetchval(ELECTED):
                        await self._keep(connection, sealer, back_off)
                self._set_trouble(None)
                await asyncio.sleep(ELECTION_SECONDS)
            except Superseded:
                log.info("log_superseded")
            except (TreeChanged, TransparencyError) as error:  # a stored note or hash that is none stops the log alone
                self._set_trouble(str(error))
                alarm("log_refuses", reason=str(error))
                await asyncio.sleep(REFUSED_SECONDS)
            except LogUnavailable as error:
                self._set_trouble(f"a second place of checkpoints is not to be had: {error}")
                log.warning("log_waits_for_second_place", error=str(error))
                await back_off.wait()
            except Exception as error:
                if not db.is_failure_of_ours(error):
                    raise
                log.warning("log_waits_for_postgres", error=type(error).__name__)
                await back_off.wait()

    async def _keep(self, connection: Connection, sealer: Sealer, back_off: BackOff) -> NoReturn:
        """Keep the log for as long as `connection` lives and holds the lock: it is the one that appends."""
        try:
            await self._keep_while_elected(connection, sealer, back_off)
        finally:
            for gauge in (SIZE, WAITING, PUBLISHED):
                gauge.set(float("nan"))  # whoever is elected next tells them

    async def _keep_while_elected(self, connection: Connection, sealer: Sealer, back_off: BackOff) -> NoReturn:
        async with connection.transaction():
            current = await open_log(connection, sealer, self._terms.origin)
        async with connection.transaction():
            tree = await store.current_tree(connection, lock=True)
            if tree:
                await check(connection, tree, await self._second_places.seen(connection, tree))
        await backfill(connection, current.number)
        self._set_trouble(None)
        back_off.reset()
        async with self._checkpoints(current) as checkpoints:
            await self._append(connection, current, checkpoints)

    async def _append(self, connection: Connection, current: Log, checkpoints: Checkpoints) -> NoReturn:
        publishing: asyncio.Task[int | None] | None = None
        pace, measure = Every(self._round_seconds), Every(MEASURE_SECONDS)
        appended = time.monotonic()
        try:
            while True:
                moved = await append(connection, current)
                if moved:
                    appended = time.monotonic()
                    self._database.bell.ring([outbox.RELAY])  # it was no transaction of `Database`'s
                if publishing and publishing.done():
                    publishing.result()
                    publishing = None
                if publishing is None and pace.due():
                    # Beside the appending, which a slow second place must not hold up.
                    publishing = asyncio.create_task(checkpoints.publish())
                if measure.due():
                    await _measure(connection, current)
                if moved < BATCH:
                    busy = time.monotonic() - appended < self._round_seconds * 2
                    await self._waiter.rest(BUSY_SECONDS if busy else IDLE_SECONDS)
        finally:
            if publishing:
                publishing.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await publishing

    @asynccontextmanager
    async def _checkpoints(self, current: Log) -> AsyncIterator[Checkpoints]:
        publisher = await self._event_log.publisher()
        try:
            # A jar that takes nothing: with cookies a witness could fill our memory, an answer at a time.
            cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            async with httpx.AsyncClient(timeout=ANSWER_SECONDS, follow_redirects=False, cookies=cookies) as http:
                witnesses = Witnesses(self._database, http, self._terms.policy)
                yield Checkpoints(self._database, publisher, current, self._second_places.file, witnesses)
        finally:
            await publisher.close()

    @property
    def _round_seconds(self) -> float:
        return self._terms.round_seconds or (WITNESS_SECONDS if self._terms.policy.witnesses else CHECKPOINT_SECONDS)

    def _set_trouble(self, reason: str | None) -> None:
        self._trouble = reason
        REFUSES.set(reason is not None)


async def _measure(connection: Connection, current: Log) -> None:
    tree, published = await store.tree(connection, current.number), await store.published(connection, current.number)
    SIZE.set(tree["size"] if tree else 0)
    PUBLISHED.set(published["size"] if published else 0)
    WAITING.set(await store.count_waiting(connection))
