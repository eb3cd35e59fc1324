"""Tells a bad record from a bad consumer: when too much fails, the partition rests instead of being buried."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """More than `in_a_row` failures, or `share` of at least `records` within `window` seconds, then `rest` seconds."""

    in_a_row: int = 50
    share: float = 0.2
    records: int = 100
    window: float = 60.0
    rest: float = 60.0


class Brake:
    """One partition's count of what succeeded and what failed; times are seconds of any steady clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._in_a_row = 0
        self._recent: deque[tuple[float, int, int]] = deque()
        self._until: float | None = None

    @property
    def engaged(self) -> bool:
        """Whether the partition rests."""
        return self._until is not None

    def succeeded(self, records: int, now: float) -> None:
        """Count records that were handled."""
        self._in_a_row = 0
        self._recent.append((now, records, 0))

    def failed(self, now: float) -> bool:
        """Count a record that failed; return whether the partition must rest."""
        self._in_a_row += 1
        self._recent.append((now, 1, 1))
        if self._in_a_row > self._limits.in_a_row or self._share_exceeded(now):
            self._until = now + self._limits.rest
        return self.engaged

    def rested(self, now: float) -> bool:
        """Return whether the rest is over, and end it: one more failure begins the next, one success ends the row."""
        if self._until is None or now < self._until:
            return False
        self._until = None
        self._recent.clear()
        return True

    def _share_exceeded(self, now: float) -> bool:
        while self._recent and self._recent[0][0] < now - self._limits.window:
            self._recent.popleft()
        records = sum(each[1] for each in self._recent)
        failures = sum(each[2] for each in self._recent)
        return records >= self._limits.records and failures >= records * self._limits.share
