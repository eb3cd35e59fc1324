"""Tells how fresh this verifier's word is, and keeps the figures from growing."""

import asyncio
import time
from datetime import datetime

from services.verifier.domain.freshness import Freshness, freshness
from services.verifier.domain.known import Rules
from services.verifier.handlers.looking_up import ISSUER
from services.verifier.store import freshness as store
from shared.db import Database
from shared.rounds import keep_doing

TIDY_SECONDS = 60.0
# Figures over a day cost what a day's revocations cost, and anybody may ask for them.
FIGURES_KEPT_SECONDS = 2.0


class Canary:
    """Measures the promise that a revocation is soon seen here."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._figures: dict[str, float | None] = {}
        self._counted_at = -FIGURES_KEPT_SECONDS
        self._counting = asyncio.Lock()

    async def now(self) -> Freshness:
        """Return how fresh the copies are, now."""
        async with self._database.pool.acquire() as connection:
            row = await store.heard(connection, ISSUER)
        heard = {int(shard): datetime.fromisoformat(each) for shard, each in (row["heard"] or {}).items()}
        return freshness(heard, row["now"], self._rules.max_status_age)

    async def figures(self) -> dict[str, float | None]:
        """Return what `store.figures` has, at most FIGURES_KEPT_SECONDS old; of many that ask at once, one counts."""
        async with self._counting:
            if time.monotonic() - self._counted_at >= FIGURES_KEPT_SECONDS:
                async with self._database.pool.acquire() as connection:
                    self._figures = dict(await store.figures(connection))
                self._counted_at = time.monotonic()
            return self._figures


async def tidy(worker: Database) -> None:
    """Drop what no figure needs any more, until cancelled."""

    async def once() -> float:
        async with worker.transaction() as tx:
            await store.forget_old(tx)
        return TIDY_SECONDS

    await keep_doing(once, "tidying_waits")
