"""Takes in the file of an issuance job piece by piece: read as it comes, and staged by COPY. It is kept as no file."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from services.issuer.domain.columns import columns_of, unsaid
from services.issuer.domain.formats import Formats
from services.issuer.domain.jobs import second_key_needed
from services.issuer.domain.sheets import CsvSheet, JsonLines, Sheet
from services.issuer.handlers import institution_settings
from services.issuer.handlers.issuing import Issuing
from services.issuer.handlers.storing import Requester
from services.issuer.settings import IssuerSettings
from services.issuer.store import jobs as store
from shared import db
from shared.db import Database, Tx
from shared.errors import Conflict, Invalid, LaurelError, RateLimited
from shared.ids import new_id
from shared.web import idempotency
from shared.web.auth import Principal
from shared.web.idempotency import Attempt

# What is parsed and staged at once: small enough for memory, large enough that a transaction costs little per row.
SLICE_BYTES = 256 * 1024


@dataclass(frozen=True)
class WantedJob:
    """What is said of a new job beside its file."""

    achievement_id: UUID
    kind: Literal["csv", "jsonl"]
    formats: Formats
    name: str | None = None
    auto_confirm: bool = False
    release_at: datetime | None = None
    undo: timedelta | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class IdempotentUpload:
    """An Idempotency-Key, and what its digest begins with: the request's line. The body comes in behind it."""

    key: str
    line: bytes


class Uploads:
    """Makes issuance jobs of files."""

    def __init__(self, database: Database, issuing: Issuing, settings: IssuerSettings) -> None:
        self._database = database
        self._issuing = issuing
        self._settings = settings

    async def receive(
        self, who: Principal, wanted: WantedJob, body: AsyncIterator[bytes], sent: IdempotentUpload | None
    ) -> UUID:
        """Make a job of the file `body`; return its id, or that of the one that was made before by the same request.

        Raises as `Issuing.rehearse` and `Sheet.feed` do, RateLimited (quotas), Invalid (the columns, or the key was
        sent with another request), Conflict (cancelled meanwhile). The job is `failed` then, and says so.
        """
        await self._issuing.rehearse(Requester(who), wanted.achievement_id, {}, wanted.formats)
        if wanted.release_at is not None and wanted.undo is not None:
            raise Invalid("held_twice", "Say either until when the badges are held, or for how long.")
        if wanted.kind == "jsonl" and wanted.mapping:
            raise Invalid("mapping_not_taken", "JSON lines have members, not columns: there is nothing to map.")
        job_id = new_id()
        async with self._database.transaction(who.tenant_id) as tx:
            if wanted.auto_confirm and (await institution_settings.of(tx, who.tenant_id))["second_key_confirms"]:
                raise second_key_needed()
            await self._refuse_too_many(tx, who)
            await store.insert(tx, _new(job_id, who, wanted, self._settings.job_chunk_rows, await db.now(tx)))
        try:
            digest = await _Reading(self._database, who.tenant_id, job_id, wanted).read(body, sent)
            return await self._end(who, job_id, Attempt(who.tenant_id, sent.key, digest) if sent else None)
        except BaseException as error:
            # Whatever ends it, the caller's hanging up too: who asks is told at once, not when silence is noticed.
            await asyncio.shield(self._fail(who.tenant_id, job_id, error))
            raise

    async def _refuse_too_many(self, tx: Tx, who: Principal) -> None:
        waiting = await store.lock_quota(tx, who.tenant_id)
        if waiting["jobs"] >= self._settings.job_open_per_institution:
            detail = f"{waiting['jobs']} jobs of your institution have not ended yet; that is as many as may be."
            raise RateLimited("too_many_jobs", detail, retry_after=60)
        if waiting["rows"] >= self._settings.job_rows_per_institution:
            detail = f"{waiting['rows']} rows of your institution's jobs wait already; let some of them end first."
            raise RateLimited("too_many_rows_waiting", detail, retry_after=60)

    async def _end(self, who: Principal, job_id: UUID, attempt: Attempt | None) -> UUID:
        """Let workers have what was read, unless the same request has made a job before."""
        async with self._database.transaction(who.tenant_id) as tx:
            made = await idempotency.claim(tx, attempt, job_id)
            job = await store.lock(tx, job_id)
            if job is None or job["phase"] != "reading":
                raise _cancelled()
            now = job["now"]
            if made is not None:
                ended = {"phase": "cancelled", "ended_at": now, "phase_at": now, "reason_code": "sent_before"}
                await store.change(tx, job_id, {**ended, "reason": f"The same request has made the job {made}."})
                return made
            await store.change(tx, job_id, {"phase": "linting", "phase_at": now})
            await store.open_chunks(tx, job)
        return job_id

    async def _fail(self, tenant_id: UUID, job_id: UUID, error: BaseException) -> None:
        code, reason = "upload_interrupted", "The upload broke off."
        if isinstance(error, LaurelError):
            code, reason = error.code, error.detail
            error.members.setdefault("job_id", str(job_id))
        async with self._database.transaction(tenant_id) as tx:
            await fail(tx, job_id, code, reason)


async def fail(tx: Tx, job_id: UUID, code: str, reason: str) -> None:
    """End a job that is being read, and say why; nothing where it has ended or gone on."""
    job = await store.lock(tx, job_id)
    if job is not None and job["phase"] == "reading":
        now = job["now"]
        ended = {"phase": "failed", "ended_at": now, "phase_at": now, "reason_code": code, "reason": reason}
        await store.change(tx, job_id, ended)


class _Reading:
    """One file on its way in. It holds a connection while a slice is staged, and none while it waits for the next."""

    def __init__(self, database: Database, tenant_id: UUID, job_id: UUID, wanted: WantedJob) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._job_id = job_id
        self._wanted = wanted
        self._sheet: Sheet = CsvSheet() if wanted.kind == "csv" else JsonLines()
        self._columns: list[str] = []
        self._last_row = 0

    async def read(self, body: AsyncIterator[bytes], sent: IdempotentUpload | None) -> bytes:
        """Stage the whole body; return the digest of the request."""
        digest, waiting = sha256(sent.line if sent else b""), bytearray()
        async for piece in body:
            digest.update(piece)
            waiting += piece
            if len(waiting) >= SLICE_BYTES:
                await self._take(bytes(waiting))
                waiting.clear()
        await self._take(bytes(waiting), last=True)
        return digest.digest()

    async def _take(self, piece: bytes, *, last: bool = False) -> None:
        rows = await asyncio.to_thread(self._sheet.feed, piece, last=last)
        if self._sheet.header and not self._columns:
            self._columns = self._columns_of(self._sheet.header)
        self._last_row = rows[-1][0] if rows else self._last_row
        async with self._database.transaction(self._tenant_id) as tx:
            told = (self._sheet.rows, self._last_row, self._sheet.header, self._columns, self._sheet.delimiter)
            if not await store.touch(tx, self._job_id, *told):
                raise _cancelled()
            await store.stage(tx, self._job_id, rows)

    def _columns_of(self, header: list[str]) -> list[str]:
        columns = columns_of(header, self._wanted.mapping)
        if self._wanted.auto_confirm and (unknown := unsaid(header, columns, self._wanted.mapping)):
            detail = (
                f"The column '{unknown[0][:50]}' is not known, and nobody would see that it is ignored. Say by the "
                "mapping what it is, or that it is nothing, or look at the preview before confirming."
            )
            raise Invalid("columns_unknown", detail, columns=unknown)
        return columns


def _cancelled() -> Conflict:
    return Conflict("job_has_ended", "The job was cancelled while its file was being read.")


def _new(job_id: UUID, who: Principal, wanted: WantedJob, chunk_rows: int, now: datetime) -> dict[str, Any]:
    return {
        "id": job_id,
        "institution_id": who.tenant_id,
        "achievement_id": wanted.achievement_id,
        "name": wanted.name,
        "formats": list(wanted.formats),
        "auto_confirm": wanted.auto_confirm,
        "release_at": wanted.release_at,
        "undo": wanted.undo,
        "kind": wanted.kind,
        "chunk_rows": chunk_rows,
        "key_id": who.key_id,
        "history": [{"change": "created", "key_id": who.key_id, "time": now.isoformat()}],
    }
