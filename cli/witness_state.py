"""What a witness remembers of each log: the newest checkpoint that it has cosigned, in one SQLite file."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.transparency.checkpoints import Checkpoint
from shared.transparency.witnessing import Refusal, Request, Seen, refusal

_SCHEMA = """
create table if not exists seen (
    origin text primary key, size integer not null, root blob not null, checkpoint blob not null
) strict
"""


class WitnessState:
    """The memory of a witness; several threads and processes may use one file."""

    def __init__(self, file: Path) -> None:
        """Open `file`, which is made where it is not there; raises sqlite3.Error for what can't be opened."""
        self._file = file
        self._lock = threading.Lock()
        with self._transaction() as connection:
            connection.execute(_SCHEMA)

    def advance(self, request: Request, checkpoint: Checkpoint) -> Refusal | None:
        """Put a checkpoint in the place of what was seen of its log, unless that is to be refused.

        The comparison and the writing are one transaction, which is on the disk when this returns.
        """
        with self._transaction() as connection:
            row = connection.execute("select size, root from seen where origin = ?", [checkpoint.origin]).fetchone()
            refused = refusal(request, checkpoint, Seen(*row) if row else Seen())
            if refused is None:
                connection.execute(
                    "insert or replace into seen (origin, size, root, checkpoint) values (?, ?, ?, ?)",
                    [checkpoint.origin, checkpoint.size, checkpoint.root, request.checkpoint],
                )
            return refused

    def seen(self) -> dict[str, int]:
        """Return the size of what was cosigned last, by origin."""
        with self._transaction() as connection:
            return dict(connection.execute("select origin, size from seen order by origin").fetchall())

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            connection = sqlite3.connect(self._file, isolation_level=None, timeout=30)
            try:
                connection.execute("pragma synchronous = extra")  # what was committed outlives a power cut
                connection.execute("begin immediate")
                yield connection
                connection.execute("commit")
            finally:
                connection.close()  # what was not committed is rolled back
