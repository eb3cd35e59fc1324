"""Keeps the spans of the last day in a bounded SQLite file of the console's own, written and read in one thread.

Spans are notes: whatever is lost or dropped here changes nothing that Laurel knows. When there are too many, the traces
that came first go first, and whole.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import orjson
import structlog

from shared.errors import Unavailable

log = structlog.get_logger()

# Of a file of another number nothing is read: it is of another release, and a day's notes are no loss.
FORM = 1
SCHEMA = """
create table traces (trace_id text primary key, arrived_at real not null, verifies integer not null) without rowid;
create index traces_arrived on traces (arrived_at);
create table spans (
    trace_id text not null, span_id text not null, parent_id text, service text not null, name text not null,
    kind text not null, start_ns integer not null, end_ns integer not null, status text not null,
    attributes text not null, credential_id text, primary key (trace_id, span_id)
) without rowid;
create index spans_credential on spans (credential_id, trace_id) where credential_id is not null;
create table links (linked text not null, trace_id text not null, primary key (linked, trace_id)) without rowid;
create index links_trace on links (trace_id);
"""
COLUMNS = ("trace_id", "span_id", "parent_id", "service", "name", "kind", "start_ns", "end_ns", "status", "attributes")

# A trace is known to be a verification's by the first of these attributes, or by the second's value.
VERIFICATION, EVENT_TYPE = "laurel.verification_id", "laurel.event_type"
VERIFIED = "laurel.verification.completed.v1"
CREDENTIAL = "laurel.credential_id"

# Jobs that may wait for the thread: an export of 512 spans takes some 10 ms, so this is well under a second's work.
MAX_WAITING = 32
# What one page shows: no badge is changed as often in a day, and of more verifications the newest are enough.
MAX_TRACES = 50
# Of one trace; a batch's has thousands, but few that do not name another badge.
MAX_SPANS = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """One span as it is kept; ids in hexadecimal, times in ns since 1970, `links` the traces that it links to."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    attributes: dict[str, str | bool | int | float] = field(default_factory=dict)
    links: tuple[str, ...] = ()

    @property
    def verifies(self) -> bool:
        """Whether it is of a verification."""
        return VERIFICATION in self.attributes or self.attributes.get(EVENT_TYPE) == VERIFIED


@dataclass(frozen=True, slots=True)
class Trace:
    """The spans of one trace that concern one badge, in the order of their starts."""

    trace_id: str
    verifies: bool
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept: for how long since a trace's first span came, how many spans, how many bytes of the file."""

    age: timedelta = timedelta(hours=24)
    spans: int = 200_000
    bytes: int = 128 * 1024 * 1024


class SpanStore:
    """Spans in `folder` (None: in memory, gone with the process)."""

    def __init__(self, folder: Path | None = None, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self._path = folder / "spans.sqlite3" if folder else None
        self._thread = ThreadPoolExecutor(1, "spans")
        self._waiting = 0
        self._open: sqlite3.Connection | None = None
        self._count = 0

    async def add(self, read: Callable[[], Sequence[Span]], now: float | None = None) -> None:
        """Keep what `read` gives, which is called in the thread too; raises what it raises, and Unavailable."""
        await self._do(lambda: self._add(read(), time.time() if now is None else now))

    async def find(self, credential_id: str, now: float | None = None) -> list[Trace]:
        """Return a badge's traces, those of its verifications among them, as they came; raises Unavailable."""
        return await self._do(lambda: self._find(credential_id, time.time() if now is None else now))

    async def tidy(self, now: float | None = None) -> None:
        """Drop what is too old; raises Unavailable."""
        await self._do(lambda: self._trim(time.time() if now is None else now))

    async def size(self) -> tuple[int, int]:
        """Return how many spans are kept, in how many bytes."""
        return await self._do(lambda: (self._count, self._bytes()))

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _do(self, job: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise Unavailable("busy", "More spans come than can be kept.", retry_after=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._safely, job)
        finally:
            self._waiting -= 1

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _safely(self, job: Callable[[], T]) -> T:
        try:
            self._connection()
            return job()
        except (sqlite3.Error, OSError) as error:
            log.warning("spans_unavailable", error=type(error).__name__, code=getattr(error, "sqlite_errorname", None))
            if is_broken(error):
                self._set_aside()
            raise Unavailable("spans_unavailable", "The store of spans does not work at present.") from error

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = self._opened()
            self._count = self._open.execute("select count(*) from spans").fetchone()[0]
        return self._open

    def _opened(self) -> sqlite3.Connection:
        if self._path is None:
            return _prepared(sqlite3.connect(":memory:", isolation_level=None))
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        try:
            return _prepared(sqlite3.connect(self._path, isolation_level=None))
        except sqlite3.Error as error:
            if not is_broken(error):
                raise
            self._set_aside()
            return _prepared(sqlite3.connect(self._path, isolation_level=None))

    def _set_aside(self) -> None:
        """Move a broken file away, over the one before it, so that the console goes on with an empty one."""
        self._close()
        if self._path is not None and self._path.exists():
            aside = self._path.with_suffix(".broken")
            self._path.replace(aside)
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._path.touch(mode=0o600)
            log.warning("spans_set_aside", file=str(aside))

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _add(self, spans: Sequence[Span], now: float) -> None:
        connection = self._connection()
        with _transaction(connection):
            connection.executemany(
                "insert into traces values (?, ?, ?) "
                "on conflict do update set verifies = max(verifies, excluded.verifies)",
                [(each.trace_id, now, each.verifies) for each in spans],
            )
            added = connection.executemany(
                "insert or ignore into spans values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [_row(each) for each in spans]
            ).rowcount
            connection.executemany(
                "insert or ignore into links values (?, ?)",
                [(linked, each.trace_id) for each in spans for linked in each.links],
            )
        self._count += max(added, 0)
        self._trim(now)

    def _find(self, credential_id: str, now: float) -> list[Trace]:
        rows = self._connection().execute(
            """
            with named as (select distinct trace_id from spans where credential_id = :badge),
            linking as (  -- but for those that name other badges alone: a batch's trace is that of many
                select l.trace_id from links l join named on l.linked = named.trace_id
                where not exists (select from_other.span_id from spans from_other
                                  where from_other.trace_id = l.trace_id and from_other.credential_id <> :badge)
            ),
            found as (
                select *, row_number() over (partition by verifies order by arrived_at desc) as place from traces
                where trace_id in (select trace_id from named union select trace_id from linking)
                  and arrived_at >= :since
            )
            select trace_id, verifies from found where place <= :most order by arrived_at, trace_id
            """,
            {"badge": credential_id, "since": now - self.bounds.age.total_seconds(), "most": MAX_TRACES},
        )
        return [Trace(trace_id, bool(verifies), self._spans(trace_id, credential_id)) for trace_id, verifies in rows]

    def _spans(self, trace_id: str, credential_id: str) -> tuple[Span, ...]:
        """Read a trace but for what is about other badges."""
        rows = self._connection().execute(
            f"""
            select {", ".join(COLUMNS)} from spans s where trace_id = :trace and (credential_id = :badge or (
                credential_id is null and not exists (
                    select p.span_id from spans p where p.trace_id = s.trace_id and p.span_id = s.parent_id
                    and p.credential_id <> :badge)))
            order by credential_id is null, start_ns limit :most
            """,  # noqa: S608  # columns of ours
            {"trace": trace_id, "badge": credential_id, "most": MAX_SPANS},
        )
        spans = [_span(row) for row in rows]
        return tuple(sorted(spans, key=lambda each: (each.start_ns, each.end_ns, each.span_id)))

    def _trim(self, now: float) -> None:
        connection = self._connection()
        oldest = now - self.bounds.age.total_seconds()
        self._drop(connection.execute("select trace_id from traces where arrived_at < ?", [oldest]).fetchall())
        while self._count > self.bounds.spans or self._bytes() > self.bounds.bytes:
            # A twentieth at a time, so that a store that is always full is not trimmed at every export.
            first = (
                "select trace_id from traces order by arrived_at, trace_id limit (select count(*) / 20 + 1 from traces)"
            )
            traces = connection.execute(first).fetchall()
            if not traces:
                break
            self._drop(traces)

    def _drop(self, traces: Sequence[tuple[str]]) -> None:
        if not traces:
            return
        connection = self._connection()
        with _transaction(connection):
            self._count -= connection.executemany("delete from spans where trace_id = ?", traces).rowcount
            connection.executemany("delete from links where trace_id = ?", traces)
            connection.executemany("delete from traces where trace_id = ?", traces)

    def _bytes(self) -> int:
        connection = self._connection()
        pages, free, size = (
            connection.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)


class _OtherForm(sqlite3.DatabaseError):
    """The file is damaged, or of another release."""


def is_broken(error: BaseException) -> bool:
    """Tell whether an error means that the file is no store of ours, rather than that the disk is full or busy."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, _OtherForm) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        connection.execute("pragma busy_timeout = 5000")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute("pragma journal_size_limit = 4194304")
        form = connection.execute("pragma user_version").fetchone()[0]
        if form == 0:
            connection.executescript(f"begin; {SCHEMA} pragma user_version = {FORM}; commit;")
        elif form != FORM or connection.execute("pragma quick_check").fetchone()[0] != "ok":
            raise _OtherForm(f"form {form}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def _span(row: tuple[Any, ...]) -> Span:
    columns = dict(zip(COLUMNS, row, strict=True))
    return Span(**{**columns, "attributes": orjson.loads(columns["attributes"])})


def _row(span: Span) -> tuple[object, ...]:
    attributes = orjson.dumps(span.attributes).decode()
    mine = (span.trace_id, span.span_id, span.parent_id, span.service, span.name, span.kind)
    credential_id = span.attributes.get(CREDENTIAL)
    return (*mine, span.start_ns, span.end_ns, span.status, attributes, str(credential_id) if credential_id else None)
