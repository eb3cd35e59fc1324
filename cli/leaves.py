"""Finds where the transparency log and the services' ledgers disagree: every event has one leaf, every leaf an event.

The numbers are those of ledger.py: 1 each event has a leaf, 2 each leaf an event, 3 a log's places are 0 to n-1, and a
credential's in the order of its versions, 5 a leaf is the commitment that its teller makes of its own facts. What the
served files say, and 6, that all checkpoints fit, is in log/served.py. Memory does not grow with the ledgers.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from cli.ledger import Violation
from cli.sorting import DiskSorted

Line = Mapping[str, Any]
# A place in a log: its number, the index, the entry in hexadecimal, the event. Numbers have leading zeros.
Place = tuple[str, str, str, str]
# A checkpoint that was published: the log's number, the size, the note.
Checkpoint = tuple[str, str, str]

LEAF = "leaf:"
VERIFICATION = "verification:"
_NO_NUMBER = ""
# Of whom an event is that must be in the log; a verification without a commitment may be.
_MUST, _MAY = "must", "may"


class Leaves:
    """Takes what concerns the log out of ledgers as they are read, and then says what does not fit."""

    def __init__(self) -> None:
        # event, must or may, whose it is, version, commitment
        self._events: DiskSorted[tuple[str, str, str, str, str]] = DiskSorted(5)
        # event, log, index, entry, backfilled
        self._leaves: DiskSorted[tuple[str, str, str, str, str]] = DiskSorted(5)
        # whose it is, version, log, index
        self._orders: DiskSorted[tuple[str, str, str, str]] = DiskSorted(4)
        self.places: DiskSorted[Place] = DiskSorted(4)
        self.checkpoints: DiskSorted[Checkpoint] = DiskSorted(3)

    def taken_from(self, lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Give the lines of a ledger on; those that speak of the log alone are kept here."""
        for line in lines:
            match line["kind"]:
                case "leaf":
                    self._take_leaf(line)
                case "checkpoint":
                    self.checkpoints.add([(_written(line["log"]), _written(line["size"]), line["note"])])
                case "change":
                    subject = f"{line['type']} {line['key']}"
                    self._take_event(line["id"].removeprefix(LEAF), _MUST, subject, line)
                case "verification":
                    event = line["id"].removeprefix(VERIFICATION)
                    self._take_event(event, _MUST if line["commitment"] else _MAY, event, line)
                case _:
                    for version in line.get("versions", ()):
                        if "commitment" in version:  # the issuer's; the registry tells none
                            self._take_event(version["event_id"], _MUST, line["id"], version)
                    yield line

    def check(self) -> Iterator[Violation]:
        """Compare events and leaves, once all ledgers are read; `places` is filled by then."""
        events = ((event, "event", rest) for event, *rest in self._events)
        leaves = ((event, "leaf", rest) for event, *rest in self._leaves)
        for event, group in groupby(heapq.merge(events, leaves), key=lambda each: each[0]):
            found: dict[str, list[list[str]]] = {"event": [], "leaf": []}
            for _, kind, rest in group:
                found[kind].append(rest)
            yield from self._check_event(event, found["event"], found["leaf"])
        yield from _check_places(self.places)
        yield from _check_orders(self._orders)

    def _take_leaf(self, line: Line) -> None:
        event, log, index = line["id"].removeprefix(LEAF), _written(line["log"]), _written(line["log_index"])
        self._leaves.add([(event, log, index, line["entry"], "backfilled" if line.get("backfilled") else "")])
        if index != _NO_NUMBER:
            self.places.add([(log, index, line["entry"], event)])

    def _take_event(self, event: str, must: str, subject: str, line: Line) -> None:
        version = _written(line.get("version", 1))
        self._events.add([(event, must, subject, version, line["commitment"] or "")])

    def _check_event(self, event: str, told: list[list[str]], leaves: list[list[str]]) -> Iterator[Violation]:
        if not told and not all(_begins_successor(log, index) for log, index, *_ in leaves):
            yield Violation(2, event, "has a leaf in the log, and nobody knows of such an event")
        if len(leaves) > 1:
            yield Violation(2, event, f"has {len(leaves)} leaves in the log")
        for must, subject, version, commitment in told:
            if not leaves and must == _MUST:
                yield Violation(1, event, f"has no leaf in the log; it is of {subject}")
            for leaf in leaves:
                yield from self._check_leaf(event, subject, version, commitment, leaf)

    def _check_leaf(
        self, event: str, subject: str, version: str, commitment: str, leaf: list[str]
    ) -> Iterator[Violation]:
        log, index, entry, backfilled = leaf
        if index == _NO_NUMBER:
            yield Violation(1, event, f"waits for its place in the log; it is of {subject}")
        elif not backfilled:  # those go first, whatever is there already
            self._orders.add([(subject, version, log, index)])
        if commitment and commitment != entry:
            yield Violation(5, event, f"has another leaf than its own facts give; it is of {subject}")


def _check_places(places: Iterable[Place]) -> Iterator[Violation]:
    for log, group in groupby(places, key=lambda each: each[0]):
        wanted = 0
        for _, index, _, event in group:
            if int(index) != wanted:
                yield Violation(3, event, f"is leaf {int(index)} of log {int(log)}, where {wanted} is next")
            wanted = int(index) + 1


def _check_orders(orders: Iterable[tuple[str, str, str, str]]) -> Iterator[Violation]:
    for subject, group in groupby(orders, key=lambda each: each[0]):
        places = [(log, index) for _, _, log, index in group]
        if places != sorted(places):
            yield Violation(3, subject, "has its versions in another order in the log")


def _begins_successor(log: str, index: str) -> bool:
    """Tell whether a leaf is the last checkpoint of the log before, which is nobody's event."""
    return log != _NO_NUMBER and int(log) > 1 and index != _NO_NUMBER and int(index) == 0


def _written(number: int | None) -> str:
    """Write a number so that texts are in the order of numbers."""
    return _NO_NUMBER if number is None else f"{number:019}"
