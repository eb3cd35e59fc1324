"""What a worker does to one chunk of an issuance job: look at its rows, or issue them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.issuer.domain.formats import Formats
from services.issuer.domain.jobs import RowOrder, order_text, read_order
from services.issuer.domain.row import Row
from services.issuer.handlers.issuing import TOO_SLOW, TRIES, Issuing, Outcomes
from services.issuer.handlers.storing import Requester
from services.issuer.store import job_rows as store
from shared.db import Database, Tx
from shared.errors import Invalid, LaurelError, Unavailable
from shared.web.auth import Principal

# Rows that are issued together are signed within seconds, or their signatures are no longer fresh: how many that can be
# shows. As few as this a slow machine can sign too.
LEAST_AT_ONCE = 25

# From a row as it was sent, what its columns are, the achievement and the formats; raises Invalid.
ReadRow = Callable[[str, Sequence[str] | None, UUID, Formats], RowOrder]


class LeaseLost(Exception):  # nothing is wrong: somebody else goes on
    """The chunk is another worker's by now, or its job has ended: what was made of it is dropped."""


@dataclass(frozen=True)
class Leased:
    """A chunk that a worker has for a while, and its job."""

    job: Row
    number: int
    lease: UUID
    lasts: timedelta

    @property
    def numbers(self) -> tuple[int, int]:
        """The first of its rows, and the first that is not its own."""
        size = self.job["chunk_rows"]
        return self.number * size, (self.number + 1) * size

    @property
    def principal(self) -> Principal:
        """In whose name is issued: the key that confirmed the job."""
        return Principal("institution", self.job["institution_id"], self.job["actor_key"], frozenset({"issue"}))

    async def hold(self, tx: Tx) -> None:
        """Keep it, and its job from being cancelled, until the transaction ends, and lease it anew from then on.

        Raises LeaseLost.
        """
        if not await store.hold(tx, self.job["id"], self.number, self.lease, self.job["phase"], self.lasts):
            raise LeaseLost


class Chunks:
    """Lints and issues chunks. `worker` alone sees what was staged; what is issued goes through `app`'s policies."""

    def __init__(self, app: Database, worker: Database, issuing: Issuing, read_row: ReadRow) -> None:
        self._app = app
        self._worker = worker
        self._issuing = issuing
        self._read_row = read_row
        self._at_once = LEAST_AT_ONCE

    async def work(self, chunk: Leased) -> None:
        """Do what the job's phase asks for; raises LeaseLost, and what ends the whole chunk as `Issuing.one` does."""
        await (self._lint(chunk) if chunk.job["phase"] == "linting" else self._issue(chunk))

    async def _lint(self, chunk: Leased) -> None:
        job = chunk.job
        async with self._worker.transaction() as tx:
            staged = await store.staged(tx, job["id"], *chunk.numbers)
        read, refused = await asyncio.to_thread(self._read, job, staged)
        orders = {number: each.order for number, each in read.items()}
        found = await self._issuing.rehearse(Requester(chunk.principal), job["achievement_id"], orders, job["formats"])
        refused |= {number: each for number, each in found.outcomes.items() if isinstance(each, LaurelError)}
        async with self._worker.transaction() as tx:
            await chunk.hold(tx)
            keys = [each.key for each in read.values()]
            before = await store.issued_before(tx, job["institution_id"], keys)
            rows = [_linted(chunk, row, read.get(row["number"]), refused, before) for row in staged]
            await store.linted(tx, job["id"], chunk.number, rows, chunk.numbers)

    def _read(self, job: Row, staged: Sequence[Row]) -> tuple[dict[int, RowOrder], Outcomes]:
        read: dict[int, RowOrder] = {}
        refused: Outcomes = {}
        for row in staged:
            try:
                read[row["number"]] = self._read_row(row["sent"], job["columns"], job["achievement_id"], job["formats"])
            except Invalid as error:
                refused[row["number"]] = error.kept()
        return read, refused

    async def _issue(self, chunk: Leased) -> None:
        """Issue what is left of a chunk, by number, as many rows at once as can be signed while they are fresh."""
        job, (first, end) = chunk.job, chunk.numbers
        async with self._app.transaction(job["institution_id"]) as tx:
            issued = await store.last_issued(tx, job["id"], first, end)
        first = first if issued is None else issued + 1
        while True:
            limit = self._at_once
            async with self._app.transaction(job["institution_id"]) as tx:
                found = await store.valid(tx, job["id"], first, end, limit)
            rows = {row["number"]: row for row in found}
            last = len(rows) < limit
            # Fewer are signed sooner than as many once more.
            tries = 1 if limit > LEAST_AT_ONCE else TRIES
            try:
                await self._issue_some(_Rows(chunk.principal, chunk=chunk, rows=rows, last=last), tries)
            except Unavailable as error:
                if error.code != TOO_SLOW or limit <= LEAST_AT_ONCE:
                    raise
                self._at_once = max(LEAST_AT_ONCE, limit // 2)
                continue
            if last:
                return
            first = max(rows) + 1
            self._at_once = max(self._at_once, min(2 * limit, job["chunk_rows"]))

    async def _issue_some(self, requester: "_Rows", tries: int) -> None:
        job, orders = requester.chunk.job, {number: read_order(row["wanted"]) for number, row in requester.rows.items()}
        wanted = (job["achievement_id"], orders, job["formats"])
        outcomes = await self._issuing.together(requester, *wanted, tries=tries)
        if not requester.settled:  # there was nothing to store
            async with self._app.transaction(job["institution_id"]) as tx:
                await requester.chunk.hold(tx)
                await requester.settle(tx, outcomes)


@dataclass(frozen=True)
class _Rows(Requester):
    """Asks for the badges of rows of a chunk, the last of it or not, each claimed by its row key, in whatever job."""

    chunk: Leased = field(kw_only=True)
    rows: Mapping[int, Row] = field(kw_only=True)
    last: bool = field(kw_only=True)
    settled: list[bool] = field(default_factory=list, kw_only=True)
    _already: dict[int, UUID] = field(default_factory=dict, kw_only=True)

    async def claim(self, tx: Tx, ids: Mapping[int, UUID]) -> dict[int, UUID | LaurelError]:
        await self.chunk.hold(tx)
        job = self.chunk.job
        claimed = await store.claim(tx, job["institution_id"], job["id"], self.rows, ids)
        theirs = {number: self.rows[number] for number in ids.keys() - claimed}
        if not theirs:
            return {}
        before = await store.issued_before(tx, job["institution_id"], [row["key"] for row in theirs.values()])
        made = {number: _earlier(row["digest"], before[row["key"]]) for number, row in theirs.items()}
        self._already.clear()  # of a try before, whose transaction was not kept
        self._already.update({number: each for number, each in made.items() if not isinstance(each, LaurelError)})
        return made

    async def settle(self, tx: Tx, outcomes: Mapping[int, UUID | LaurelError]) -> None:
        refused = [(number, *_told(each)) for number, each in outcomes.items() if isinstance(each, LaurelError)]
        issued = len(outcomes) - len(refused) - len(self._already)
        place = self.chunk.job["id"], self.chunk.number
        await store.settle(tx, *place, issued, self._already, refused, last=self.last)
        self.settled.append(True)


def _earlier(digest: bytes, before: Row) -> UUID | LaurelError:
    """Return the badge that a row key has, or why this row can't mean it."""
    if before["digest"] != digest:
        detail = (
            f"This learner has the badge {before['credential_id']} of this achievement, by a row that said something "
            "else. Replace that badge, or give this row another row_id or nth."
        )
        return Invalid("row_changed", detail, column="row_id")
    badge: UUID = before["credential_id"]
    return badge


def _linted(
    chunk: Leased, row: Row, read: RowOrder | None, refused: Mapping[int, Any], before: Mapping[bytes, Row]
) -> Row:
    number, error, already = row["number"], refused.get(row["number"]), None
    if read is not None and error is None and (earlier := before.get(read.key)):
        found = _earlier(read.digest, earlier)
        error, already = (found, None) if isinstance(found, LaurelError) else (None, found)
    column, code, detail = _told(error) if error else (None, None, None)
    return {
        "job_id": chunk.job["id"],
        "number": number,
        "institution_id": chunk.job["institution_id"],
        "sent": row["sent"],
        "key": read and read.key,
        "digest": read and read.digest,
        "wanted": read and order_text(read.order),
        "column": column,
        "code": code,
        "detail": detail,
        "already": already,
    }


# By which column, where an error that any order may have names none.
_COLUMNS = {
    "recipient_missing": "email",
    "validity_is_empty": "valid_until",
    "renewable_without_end": "renewable_until",
    "renewable_until_too_early": "renewable_until",
    "result_description_unknown": "results",
}


def _told(error: LaurelError) -> tuple[str | None, str, str]:
    """Return the column where it shows, the code and the sentence of why a row has no badge."""
    places = [each["member"] for each in error.members.get("errors", ()) if "member" in each]
    column = error.members.get("column") or _COLUMNS.get(error.code) or (places[0] if places else None)
    return column, error.code, error.detail
