"""Measures a consumer and tells when it stands still: lag, what is held, and whether anything moves at all."""

import time
from collections.abc import Collection, Mapping, Sequence

from shared.db import Database
from shared.messaging import holding
from shared.messaging.metrics import BURIED, LAG, PARKED, PARKED_AGE, PAUSED, alarm
from shared.messaging.ports import Partition, Reader, Received

# A round that takes longer hangs; a consumer that has lag and takes nothing for as long has lost its way.
STALL_SECONDS = 60.0
# By then a missing event should have come, or a failure should have been looked at.
PARKED_TOO_LONG = 300.0


class Stalled(Exception):
    """There is lag, and nothing has been taken for long."""


class Watch:
    """Looks at one reader of the consumer `group`."""

    def __init__(self, database: Database, group: str) -> None:
        self._database = database
        self._group = group
        self._moved = time.monotonic()
        self._warned = False

    def saw(self, batch: Mapping[Partition, Sequence[Received]]) -> None:
        """Note that records came."""
        if batch:
            self._moved = time.monotonic()

    def begin_anew(self) -> None:
        """Note that the log was away: what did not come meanwhile is no fault of the reader's."""
        self._moved = time.monotonic()

    async def measure(self, reader: Reader, resting: Collection[Partition]) -> None:
        """Set the metrics; raises Stalled where records wait and none has come for STALL_SECONDS."""
        lag = await reader.lag()
        LAG.labels(self._group).set(sum(lag.values()))
        PAUSED.labels(self._group).set(len(resting))
        await self._measure_held()
        if not any(behind for partition, behind in lag.items() if partition not in resting):
            self._moved = time.monotonic()
        elif time.monotonic() - self._moved > STALL_SECONDS:
            raise Stalled(self._group)

    async def _measure_held(self) -> None:
        async with self._database.transaction() as tx:
            parked, buried, age = await holding.counts(tx, self._group)
        PARKED.labels(self._group).set(parked)
        PARKED_AGE.labels(self._group).set(age)
        BURIED.labels(self._group).set(buried)
        too_long = age > PARKED_TOO_LONG
        if too_long and not self._warned:
            alarm("parked_too_long", consumer=self._group, records=parked, seconds=int(age))
        self._warned = too_long
