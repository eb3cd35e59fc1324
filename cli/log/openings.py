"""A report's file: an institution's events, each with what opens its leaf, as JSON lines or CSV."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from cli.keys import Unusable
from shared.spreadsheets import guarded, unguarded

COLUMNS = ("event_id", "origin", "log", "log_index", "entry", "salt", "facts")
_NUMBERS = ("log", "log_index")
_KINDS: dict[str, Any] = {
    "event_id": str,
    "origin": str | None,
    "log": int | None,
    "log_index": int | None,
    "entry": str,
    "salt": str | None,
    "facts": dict,
}
_SUMMARY = "summary"
# Facts are short; a line beyond is no line of a report.
_MAX_LINE = 100_000


@dataclass
class Counted:
    """How far a report goes in one log: which leaves it opens, and how many between them it does not."""

    opened: set[int] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)

    def form(self, log: int, origin: str) -> dict[str, Any]:
        """Return it for programs."""
        places = self.opened | self.erased
        first, last = min(places), max(places)
        return {
            "log": log,
            "origin": origin,
            "first_index": first,
            "last_index": last,
            "opened": len(self.opened),
            "erased": len(self.erased),
            "not_opened": last - first + 1 - len(self.opened),
        }


class Summary:
    """Counts, log by log, what a report opens."""

    def __init__(self) -> None:
        self._logs: dict[tuple[int, str], Counted] = {}

    def counting(self, items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Give the items on."""
        for item in items:
            if item["log_index"] is not None:
                counted = self._logs.setdefault((item["log"], item["origin"]), Counted())
                (counted.erased if item["salt"] is None else counted.opened).add(item["log_index"])
            yield item

    def forms(self) -> list[dict[str, Any]]:
        """Return what was counted, a log after the other."""
        return [counted.form(*log) for log, counted in sorted(self._logs.items())]


def write_lines(items: Iterable[Mapping[str, Any]], file: TextIO) -> list[dict[str, Any]]:
    """Write JSON lines, the last of which is the summary; return that."""
    summary = Summary()
    for item in summary.counting(items):
        print(json.dumps(item), file=file)
    print(json.dumps({_SUMMARY: summary.forms()}), file=file)
    return summary.forms()


def write_csv(items: Iterable[Mapping[str, Any]], file: TextIO) -> list[dict[str, Any]]:
    """Write CSV that a spreadsheet takes for texts; return the summary, for which there is no place in it."""
    summary = Summary()
    out = csv.writer(file, lineterminator="\n")
    out.writerow(COLUMNS)
    for item in summary.counting(items):
        facts = json.dumps(item["facts"], sort_keys=True, separators=(",", ":"))
        cells = ["" if item[name] is None else str(item[name]) for name in COLUMNS[:-1]]
        out.writerow(map(guarded, [*cells, facts]))
    return summary.forms()


def read_report(file: TextIO, name: str) -> Iterator[dict[str, Any]]:
    """Give the items of a report in either form; raises Unusable for what is none."""
    first = file.readline(_MAX_LINE)
    try:
        if first.startswith("{"):
            yield from _read_lines(first, file)
        elif tuple(next(csv.reader([first]), ())) == COLUMNS:
            yield from map(_item, csv.DictReader(file, COLUMNS, strict=True))
        else:
            raise ValueError("it begins with neither JSON nor a report's columns")
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise Unusable(f"{name} is no report: {error}.") from error


def _read_lines(line: str, file: TextIO) -> Iterator[dict[str, Any]]:
    while line:
        item = json.loads(line)
        if _SUMMARY not in item:
            yield _checked(item)
        line = file.readline(_MAX_LINE)


def _item(row: Mapping[str, str]) -> dict[str, Any]:
    cells: dict[str, Any] = {name: unguarded(row[name]) or None for name in COLUMNS}
    numbers = {name: int(cells[name]) if cells[name] else None for name in _NUMBERS}
    return _checked({**cells, **numbers, "facts": json.loads(cells["facts"])})


def _checked(item: Mapping[str, Any]) -> dict[str, Any]:
    for name, kind in _KINDS.items():
        if not isinstance(item[name], kind):
            raise TypeError(f"'{name}' of one line is not what it should be")
    return {name: item[name] for name in COLUMNS}
