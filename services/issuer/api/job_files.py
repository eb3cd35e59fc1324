"""The rows of an issuance job that have no badge, as a CSV file that can be mended and sent again."""

import csv
import io
from collections.abc import AsyncIterator, Sequence

import orjson

from services.issuer.domain.columns import TOLD, normal
from services.issuer.domain.row import Row
from services.issuer.store import job_rows
from shared.db import Database
from shared.spreadsheets import guarded

# Rows in memory at once.
PAGE = 1_000


async def errors_csv(database: Database, job: Row) -> AsyncIterator[str]:
    """Give the file page by page; it holds no connection while it waits for its reader.

    What a file of errors brought as its own columns is left out, and told anew. Of JSON lines each is one cell `json`.
    """
    header = list(job["header"] or ["json"])
    kept = [place for place, name in enumerate(header) if normal(name) not in TOLD]
    # Without the mark Excel takes UTF-8 for something else.
    yield "\ufeff" + _written(job, [[*(header[place] for place in kept), *TOLD]])
    after = 0
    while True:
        async with database.transaction(job["institution_id"]) as tx:
            rows = await job_rows.failed(tx, job["id"], after, PAGE)
        if rows:
            yield _written(job, [_cells(row, kept, len(header)) for row in rows])
            after = rows[-1]["number"]
        if len(rows) < PAGE:
            return


def _cells(row: Row, kept: Sequence[int], width: int) -> list[str]:
    sent = orjson.loads(row["sent"])
    cells = [sent] if isinstance(sent, str) else sent
    own = [cells[place] if place < len(cells) else "" for place in kept]
    # What a row has beyond its header stays behind it, for whoever mends the row.
    return [*own, str(row["number"]), row["column"] or "", row["code"], row["detail"], *cells[width:]]


def _written(job: Row, rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=job["delimiter"] or ",").writerows([[guarded(cell) for cell in row] for row in rows])
    return text.getvalue()
