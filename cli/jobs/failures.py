"""The rows that failed, as the issuer's errors.csv has them: written to be mended, or read to be told."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cli.connection import Connection
from cli.files import partly
from cli.jobs.following import Job, path_of
from shared.spreadsheets import unguarded


class Failure(NamedTuple):
    """Why a row has no badge: its number as a spreadsheet counts, the column where that shows, a code, a sentence."""

    row: int
    column: str
    code: str
    error: str

    def line(self) -> str:
        """Return it for people."""
        place = f"row {self.row}, {self.column}" if self.column else f"row {self.row}"
        return f"  {place}: {self.error} ({self.code})"

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        found = {**self._asdict(), "status": "error"}
        return {name: value for name, value in found.items() if value != ""}


def failures(connection: Connection, job: Job) -> Iterator[Failure]:
    """Give a job's failed rows in the order of the file; raises as `Connection.get` does."""
    records = csv.reader(_lines(texts(connection, job["id"])), delimiter=job["delimiter"] or ",")
    own = len(next(records, ())) - len(Failure._fields)  # columns that were sent; what is told stands behind them,
    for record in records:  # and what a row has beyond its header behind that
        row, *told = map(unguarded, record[own : own + len(Failure._fields)])
        yield Failure(int(row), *told)


def write_failures(connection: Connection, job_id: str, path: Path) -> None:
    """Write errors.csv for its owner alone: it names people. Raises as `Connection.get` does, and Unusable."""
    with partly(path) as file:
        for text in texts(connection, job_id):
            file.write(text)


def texts(connection: Connection, job_id: str) -> Iterator[str]:
    """Give errors.csv piece by piece as it comes, the mark of its encoding included."""
    yield from codecs.iterdecode(connection.chunks("issuer", path_of(job_id, "errors.csv")), "utf-8")


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + piece).split("\n")
        yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest
