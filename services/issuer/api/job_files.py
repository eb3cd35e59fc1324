"""Rows of an issuance job as CSV files: those without a badge, to be mended and sent again, and those with one."""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from uuid import UUID

import orjson

from services.issuer.domain.columns import TOLD, mapping_of, normal
from services.issuer.domain.row import Row
from services.issuer.store import job_rows
from shared.db import Database, Tx
from shared.spreadsheets import guarded

# Rows in memory at once.
PAGE = 1_000
_BADGE = ("row", "status", "id", "badge")

# Reads a page of rows from after a row on; says what is told of one of them.
Read = Callable[[Tx, UUID, int, int], Awaitable[Sequence[Row]]]
Tell = Callable[[Row], list[str]]


def errors_csv(database: Database, job: Row) -> AsyncIterator[str]:
    """Give the rows that have no badge page by page, as they were sent, each with its row, column, code and error.

    A column goes by the name that it has in the file, where it has one.
    """
    names = {column: name for name, column in mapping_of(job["header"] or (), job["columns"] or ()).items()}

    def told(row: Row) -> list[str]:
        column = names.get(row["column"], row["column"] or "")
        return [str(row["number"]), column, row["code"], row["detail"]]

    return _file(database, job, job_rows.failed, TOLD, told)


def results_csv(database: Database, job: Row, public_url: str) -> AsyncIterator[str]:
    """Give the rows that have a badge page by page, each with its row, status, the badge's id and address."""

    def told(row: Row) -> list[str]:
        status = "already_issued" if row["already"] else "issued"
        return [str(row["number"]), status, str(row["id"]), f"{public_url}/credentials/{row['id']}"]

    return _file(database, job, job_rows.with_badge, _BADGE, told)


async def _file(database: Database, job: Row, read: Read, told: Sequence[str], tell: Tell) -> AsyncIterator[str]:
    """Give a file page by page; it holds no connection while it waits for its reader.

    What a file of errors brought as its own columns is left out. Of JSON lines each is one cell `json`.
    """
    header = list(job["header"] or ["json"])
    kept = [place for place, name in enumerate(header) if normal(name) not in TOLD]
    # Without the mark Excel takes UTF-8 for something else.
    yield "\ufeff" + _written(job, [[*(header[place] for place in kept), *told]])
    after, rows = 0, None
    while rows is None or len(rows) == PAGE:
        async with database.transaction(job["institution_id"]) as tx:
            rows = await read(tx, job["id"], after, PAGE)
        if rows:
            yield _written(job, [_cells(row, kept, len(header), tell(row)) for row in rows])
            after = rows[-1]["number"]


def _cells(row: Row, kept: Sequence[int], width: int, told: Sequence[str]) -> list[str]:
    sent = orjson.loads(row["sent"])
    cells = [sent] if isinstance(sent, str) else sent
    own = [cells[place] if place < len(cells) else "" for place in kept]
    # What a row has beyond its header stays behind it, for whoever mends the row.
    return [*own, *told, *cells[width:]]


def _written(job: Row, rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=job["delimiter"] or ",").writerows([[guarded(cell) for cell in row] for row in rows])
    return text.getvalue()
