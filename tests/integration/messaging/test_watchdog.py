"""The watchdog: a reader that has lag and gives nothing is given up for a new one."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from shared.messaging import watch
from shared.messaging.events import ISSUER_EVENTS
from shared.messaging.inbox import Consumer
from shared.messaging.ports import EventLog, Partition, Positions, Received
from tests.integration.messaging.builders import change, record
from tests.integration.messaging.conditions import EFFECTS, becomes
from tests.integration.messaging.conftest import Service, running, write_effects
from tests.integration.messaging.logs import LogUnderTest


class _Deaf:
    """A reader that has lost its way: there are records, and it gets none."""

    closed = False

    async def fetch(self, limit: int, wait: float) -> Mapping[Partition, Sequence[Received]]:
        return {}

    def assigned(self) -> set[Partition]:
        return set()

    async def lag(self) -> Mapping[Partition, int]:
        return {Partition(ISSUER_EVENTS, 0): 1}

    async def close(self) -> None:
        self.closed = True


class _DeafAtFirst:
    """A log whose first reader is deaf."""

    def __init__(self, log: LogUnderTest) -> None:
        self._log = log
        self.first: _Deaf | None = None

    async def reader(self, group: str, topics: Sequence[str], positions: Positions) -> Any:
        if self.first is None:
            self.first = _Deaf()
            return self.first
        return await self._log.log.reader(group, topics, positions)


async def test_a_consumer_that_has_lag_and_makes_no_progress_begins_anew(
    service: Service, event_log: LogUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STALL_SECONDS", 0)
    await event_log.publish(record(change()))
    log = _DeafAtFirst(event_log)
    consumer = Consumer(service.database, cast("EventLog", log), "group", [ISSUER_EVENTS], write_effects)
    async with running(consumer):
        await becomes(service, 1, EFFECTS)
    assert log.first is not None
    assert log.first.closed
