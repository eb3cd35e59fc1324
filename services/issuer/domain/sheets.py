"""Reads a file of learners piece by piece: CSV or JSON lines in UTF-8; no more is held than a piece and a row.

Rows are numbered as spreadsheets count: the header of a CSV file is row 1, and blank rows count.
"""

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import orjson

from shared.errors import Invalid, Malformed, TooLarge

MAX_ROWS = 1_000_000
# With blank ones: as many as a spreadsheet has. Chunks go by rows' numbers, so blank rows make work too.
MAX_NUMBER = 1 << 20
# Of one row in characters: a longer one is a quote that was not closed.
MAX_ROW = 256 * 1024
MAX_COLUMNS = 200

# A row's number, and as JSON what it says: the cells, or one text with the line.
Sent = tuple[int, str]


class Sheet(Protocol):
    """A file that is being read."""

    rows: int
    header: list[str]

    @property
    def delimiter(self) -> str | None:
        """What separates the cells of a CSV file."""

    def feed(self, piece: bytes, *, last: bool = False) -> list[Sent]:
        """Return the rows that are whole now; `last`: nothing comes any more.

        Raises Malformed (no UTF-8, no CSV), TooLarge, and at the end Invalid where there are no rows.
        """


class _Text:
    """Bytes in pieces as lines, each with its end."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""
        self._lines = 1
        self._begun = False

    def lines(self, piece: bytes, *, last: bool) -> list[str]:
        """Return the lines that are whole now."""
        text = self._rest + self._decoded(piece, last=last)
        found = list(io.StringIO(text, newline=""))
        # The `\n` behind a `\r` may still be on its way.
        self._rest = found.pop() if found and not last and not found[-1].endswith("\n") else ""
        if len(self._rest) > MAX_ROW:
            raise _too_long(self._lines)
        return found

    def _decoded(self, piece: bytes, *, last: bool) -> str:
        if not self._begun and piece[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise Malformed("file_is_utf_16", "The file is UTF-16; save it as 'CSV UTF-8'.")
        try:
            text = self._decoder.decode(piece, last)
        except UnicodeDecodeError as error:
            line = self._lines + bytes(error.object).count(b"\n", 0, error.start)
            detail = f"The file is not UTF-8 (line {line}); save it as 'CSV UTF-8'."
            raise Malformed("file_not_utf_8", detail, row=line) from error
        self._lines += text.count("\n")
        if text and not self._begun:
            self._begun = True
            text = text.removeprefix("\ufeff")
        return text


class CsvSheet:
    """A CSV file: `,` or `;`, the first row names the columns."""

    def __init__(self) -> None:
        self.rows = 0
        self.header: list[str] = []
        self.delimiter: str | None = None
        self._text = _Text()
        self._waiting = _Waiting()
        self._number = 0
        self._records: Iterator[list[str]] = iter(())

    def feed(self, piece: bytes, *, last: bool = False) -> list[Sent]:
        """Return the rows that are whole now, as `Sheet` says."""
        self._waiting.add(self._text.lines(piece, last=last), last=last)
        rows: list[Sent] = []
        for record in self._whole():
            self._number += 1
            if self._number == 1:
                self._begin(record)
            elif any(map(str.strip, record)):
                rows.append((self._number, orjson.dumps(record).decode()))
        self.rows += len(rows)
        _refuse_bounds(self.rows, self._number, last=last)
        return rows

    def _whole(self) -> Iterator[list[str]]:
        if self.delimiter is None and (line := self._waiting.first()) is not None:
            self.delimiter = ";" if line.count(";") > line.count(",") else ","
        if self.delimiter is None:
            return
        try:
            for record in csv.reader(self._waiting, delimiter=self.delimiter, strict=True):
                self._waiting.taken.clear()
                yield record
        except _More:
            # The next reader begins this record anew, with the lines that this one had.
            if self._waiting.give_back() > MAX_ROW:
                raise _too_long(self._number + 1) from None
        except csv.Error as error:
            detail = f"The file can't be read at row {self._number + 1}: {error}. Is a quote not closed?"
            raise Malformed("csv_malformed", detail, row=self._number + 1) from error

    def _begin(self, header: list[str]) -> None:
        if not any(map(str.strip, header)):
            raise Malformed("header_missing", "The first row must name the columns.", row=1)
        if any("\0" in name for name in header):
            raise Malformed("nul_character", "There is a NUL character in the first row.", row=1)
        if len(header) > MAX_COLUMNS:
            raise TooLarge("too_many_columns", f"At most {MAX_COLUMNS} columns are taken.", row=1)
        self.header = header


class JsonLines:
    """JSON lines: each has the members of a batch's row."""

    def __init__(self) -> None:
        self.rows = 0
        self.header: list[str] = []
        self.delimiter = None
        self._text = _Text()
        self._number = 0

    def feed(self, piece: bytes, *, last: bool = False) -> list[Sent]:
        """Return the rows that are whole now, as `Sheet` says."""
        rows: list[Sent] = []
        for line in self._text.lines(piece, last=last):
            self._number += 1
            if text := line.strip():
                rows.append((self._number, orjson.dumps(text).decode()))
        self.rows += len(rows)
        _refuse_bounds(self.rows, self._number, last=last)
        return rows


class _More(Exception):  # nothing is wrong
    """The lines that are here end within a record."""


class _Waiting:
    """Lines on their way into a CSV reader; those of a record that is not whole are kept."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self._lines: deque[str] = deque()
        self._last = False

    def add(self, lines: list[str], *, last: bool) -> None:
        self._lines.extend(lines)
        self._last = last

    def first(self) -> str | None:
        return self._lines[0] if self._lines else None

    def give_back(self) -> int:
        """Put back what was taken for a record that is not whole; return how many characters that is."""
        self._lines.extendleft(reversed(self.taken))
        size = sum(map(len, self.taken))
        self.taken.clear()
        return size

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self._lines:
            raise StopIteration if self._last else _More
        line = self._lines.popleft()
        self.taken.append(line)
        return line


def _refuse_bounds(rows: int, number: int, *, last: bool) -> None:
    if rows > MAX_ROWS or number > MAX_NUMBER:
        detail = f"At most {MAX_ROWS} rows are taken in one file, and with blank ones {MAX_NUMBER}."
        raise TooLarge("too_many_rows", detail)
    if last and rows == 0:
        raise Invalid("file_has_no_rows", "The file has no rows (below its header, where it is CSV).")


def _too_long(row: int) -> TooLarge:
    detail = f"Row {row} has more than {MAX_ROW} characters; is a quote not closed?"
    return TooLarge("row_too_long", detail, row=row)
