"""Looks at every service now and then: is it ready, what has it counted, and how fast has that grown of late."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from console.neighbours import Answer, Asking, Away, Neighbour

LOOK_SECONDS = 10.0
KEPT_SECONDS = 15 * 60.0
# A page that is asked for within so many seconds shows what was seen then.
FRESH_SECONDS = 2.0

# Counters whose growth is shown, and gauges. Every relay of a service measures the same outbox and every consumer's
# process the same held records, so of those the largest counts; lag is each process's own, and added up.
COUNTERS = {
    "sent": "laurel_outbox_sent_total",
    "taken": "laurel_inbox_records_total",
    "verified": "laurel_verifications_total",
    "attempted": "laurel_delivery_attempts_total",
}
LAG = "laurel_inbox_lag_records"
GAUGES = {
    "outbox_age": "laurel_outbox_age_seconds",
    "outbox_rows": "laurel_outbox_rows",
    "parked": "laurel_inbox_parked_records",
    "dead": "laurel_inbox_buried_records",
    "resting": "laurel_inbox_paused_partitions",
}
ALARMS = "laurel_alarms_total"


@dataclass(frozen=True)
class Numbers:
    """What the processes of one service tell; `lag` is None where none of them is a worker."""

    counters: Mapping[str, float]
    gauges: Mapping[str, float]
    lag: float | None
    alarms: Mapping[str, int]


@dataclass
class Standing:
    """How one service stood at the last look, and what it counted at those before."""

    neighbour: Neighbour
    trouble: str | None = "has not been asked yet"
    numbers: Numbers | None = None
    looks: deque[tuple[float, Mapping[str, float]]] = field(default_factory=deque)

    def per_minute(self, counter: str, seconds: float) -> float | None:
        """Return a counter's growth a minute over the last `seconds`; None where it was seen less than twice."""
        if not self.looks:
            return None
        newest = self.looks[-1][0]
        # A look that came a little late still counts as the window's first.
        seen = [(at, counted[counter]) for at, counted in self.looks if at >= newest - seconds - LOOK_SECONDS / 2]
        if len(seen) < 2 or seen[-1][0] <= seen[0][0]:
            return None
        return grown([value for _, value in seen]) * 60 / (seen[-1][0] - seen[0][0])


class Monitor:
    """Every service's standing, renewed by `run` every 10 s and kept for 15 minutes."""

    def __init__(self, asking: Asking, neighbours: Sequence[Neighbour]) -> None:
        self._asking = asking
        self.standings = [Standing(each) for each in neighbours]
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look at every service, unless that was done just now; one that does not answer is noted as such."""
        async with self._looking:
            if time.monotonic() - self._looked < FRESH_SECONDS:
                return
            await asyncio.gather(*[self._look_at(each) for each in self.standings])
            self._looked = time.monotonic()

    async def _look_at(self, standing: Standing) -> None:
        inside = standing.neighbour.inside
        ready, *metrics = await asyncio.gather(
            self._asking.get(f"{inside[0]}/readyz"),
            *[self._asking.get(f"{url}/metrics") for url in inside],
            return_exceptions=True,
        )
        standing.trouble = _trouble(ready)
        texts = [
            each.body.decode(errors="replace") for each in metrics if isinstance(each, Answer) and each.status == 200
        ]
        try:
            standing.numbers = numbers([sample for text in texts for sample in samples(text)]) if texts else None
        except ValueError:  # what is at this address is not one of our services
            standing.numbers = None
        # Of a service whose processes don't all answer the sum would seem to fall, and to rise again.
        if standing.numbers is not None and len(texts) == len(inside):
            now = time.monotonic()
            standing.looks.append((now, standing.numbers.counters))
            while standing.looks[0][0] < now - KEPT_SECONDS - LOOK_SECONDS:
                standing.looks.popleft()


def samples(text: str) -> Iterator[Sample]:
    """Give Laurel's own samples of a metrics page (Prometheus' text format); raises ValueError where it is none."""
    ours = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("laurel_"))
    for family in text_string_to_metric_families(ours):
        yield from family.samples


def numbers(found: Sequence[Sample]) -> Numbers:
    """Sum up what a service's processes tell."""
    lags = [each.value for each in found if each.name == LAG]
    alarms: dict[str, int] = {}
    for each in found:
        if each.name == ALARMS and each.value > 0:
            kind = each.labels.get("kind", "?")
            alarms[kind] = alarms.get(kind, 0) + int(each.value)
    return Numbers(
        counters={name: sum(each.value for each in found if each.name == metric) for name, metric in COUNTERS.items()},
        gauges={name: _largest(found, metric) for name, metric in GAUGES.items()},
        lag=sum(lags) if lags else None,
        alarms=alarms,
    )


def grown(values: Sequence[float]) -> float:
    """Return by how much a counter has grown over `values`; one that has fallen was begun anew by a restart."""
    return sum(b - a if b >= a else b for a, b in pairwise(values))


def _largest(found: Sequence[Sample], metric: str) -> float:
    """Return the sum over consumers, of each the largest that a process tells."""
    by_consumer: dict[str, float] = {}
    for each in found:
        if each.name == metric:
            consumer = each.labels.get("consumer", "")
            by_consumer[consumer] = max(by_consumer.get(consumer, 0.0), each.value)
    return sum(by_consumer.values())


def _trouble(ready: Answer | BaseException) -> str | None:
    if isinstance(ready, Answer):
        if ready.status == 200:
            return None
        try:
            return f"is not ready: {str(ready.json().get('detail', 'it does not say why'))[:300]}"
        except Away as away:
            return str(away)
    if isinstance(ready, Away):
        return str(ready)
    raise ready
