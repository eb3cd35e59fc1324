"""CSV files of learners with a given number of bad rows, and what mends those."""

import csv
import io
from collections.abc import AsyncIterator, Callable

COLUMNS = ("name", "email", "id", "valid_until")
# What is wrong in a row, in turn: the cells that differ from a good row's.
_WRONG: tuple[Callable[[int], dict[str, str]], ...] = (
    lambda _: {"email": "nobody"},
    lambda _: {"email": ""},
    lambda _: {"name": "x" * 201},
    lambda _: {"valid_until": "31.1.2099"},
    lambda n: {"email": f"learner{n}@nowhere@example.org"},
    lambda _: {"valid_until": "2001-01-31T00:00:00"},
)


class LearnerFile:
    """`rows` learners, `bad` of them with something wrong, spread over the whole file; no two are the same learner."""

    def __init__(self, rows: int, bad: int) -> None:
        self.rows = rows
        # Numbers as a spreadsheet counts: the header is 1.
        self.bad = frozenset(2 + place * rows // bad for place in range(bad)) if bad else frozenset()

    async def chunks_of_file(self) -> AsyncIterator[bytes]:
        """The file, piece by piece."""
        yield (",".join(COLUMNS) + "\r\n").encode()
        for first in range(2, self.rows + 2, 1000):
            numbers = range(first, min(first + 1000, self.rows + 2))
            yield _csv([self._row(number) for number in numbers])

    def mended(self, errors: bytes) -> bytes:
        """Put right what an errors.csv holds, by the row that it names; its other columns stay in the file."""
        text = errors.decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in text.split("\n")[0] else ",")
        out = io.StringIO()
        writer = csv.DictWriter(out, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows({**row, **dict(zip(COLUMNS, _good(int(row["row"])), strict=True))} for row in reader)
        return out.getvalue().encode()

    def _row(self, number: int) -> list[str]:
        good = dict(zip(COLUMNS, _good(number), strict=True))
        wrong = _WRONG[number % len(_WRONG)](number) if number in self.bad else {}
        return list({**good, **wrong}.values())


def _good(number: int) -> list[str]:
    return [f"Learner {number}", f"learner{number}@example.org", "", "2099-01-31"]


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
