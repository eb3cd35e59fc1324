"""Sorts more rows than memory holds, in a temporary file that is gone when the program ends."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Row = TypeVar("Row", bound=tuple[str, ...])


class DiskSorted(Generic[Row]):
    """Rows of text, given back in order as often as asked."""

    def __init__(self, width: int) -> None:
        """`width` is the number of values in a row."""
        self._values = ", ".join("?" * width)
        self._order = ", ".join(str(column + 1) for column in range(width))
        # The empty name is SQLite's for a private database in a temporary file.
        self._rows = sqlite3.connect("", isolation_level=None)
        self._rows.execute(f"create table rows ({', '.join(f'c{column} text' for column in range(width))})")

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in, in any order."""
        self._rows.executemany(f"insert into rows values ({self._values})", rows)  # noqa: S608  # question marks alone

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.execute(f"select * from rows order by {self._order}"))  # noqa: S608  # numbers alone
