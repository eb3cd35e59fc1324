"""Issuance jobs: a file of learners is sent, looked at, confirmed and issued, and may be stopped on the way."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AfterValidator, BaseModel, Field
from starlette.requests import ClientDisconnect

from services.issuer.api.access import Issuer, Reader, Settings, TheUploads
from services.issuer.api.job_files import errors_csv, results_csv
from services.issuer.api.job_views import SAMPLES, Job, Jobs, Preview, job_view, preview_view
from services.issuer.api.wire import unique
from services.issuer.domain.columns import TARGETS
from services.issuer.domain.formats import Format, refuse_two_tokens
from services.issuer.domain.jobs import Change, State
from services.issuer.domain.row import Row
from services.issuer.handlers import jobs as handlers
from services.issuer.handlers.job_uploads import IdempotentUpload, WantedJob
from services.issuer.store import job_rows
from services.issuer.store import jobs as store
from shared.db import Database
from shared.errors import Gone, Malformed, UnsupportedMedia
from shared.web import idempotency
from shared.web.auth import Principal
from shared.web.databases import AppDatabase
from shared.web.fields import Instant, Name
from shared.web.moves import moves
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, following, place
from shared.web.strict import StrictRoute

PATH = "/v1/issuance-jobs"
router = APIRouter(prefix=PATH, tags=["issuance jobs"], route_class=StrictRoute)

# Who has second thoughts has them sooner.
MAX_UNDO_SECONDS = 30 * 24 * 3600
# How often a watched job is looked at.
LOOK_SECONDS = 1.0
_KINDS = {"text/csv": "csv", "application/jsonl": "jsonl", "application/x-ndjson": "jsonl"}
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "name,email\nAda Lovelace,ada@example.org\n"},
            "application/jsonl": {
                "schema": {"type": "string"},
                "example": '{"name": "Ada Lovelace", "email": "ada@example.org"}\n',
            },
        },
    }
}


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("must have printable characters alone")
    return name


JobName = Annotated[Name, AfterValidator(_printable)]


class JobState(BaseModel):
    """A job, and its state."""

    id: UUID
    state: State = Field(examples=["linting"])


@router.post("", status_code=202, openapi_extra=_BODY)
async def make_job(
    request: Request,
    who: Issuer,
    database: AppDatabase,
    uploads: TheUploads,
    achievement_id: UUID,
    auto_confirm: Annotated[
        bool, Query(description="Issue without waiting for `confirm`. A column that is not known is refused then.")
    ] = False,
    release_at: Annotated[
        Instant | None, Query(description="What is confirmed is held until then, and can be cancelled without a trace.")
    ] = None,
    undo_seconds: Annotated[
        int | None,
        Query(ge=1, le=MAX_UNDO_SECONDS, description="In place of `release_at`: for so long from its confirmation on."),
    ] = None,
    formats: Annotated[
        list[Format] | None, Query(alias="format", max_length=5, description="May be given several times.")
    ] = None,
    mapping: Annotated[
        list[str] | None,
        Query(
            max_length=50,
            description=f"`column:what it is`, several times, or all of them as one JSON object: {', '.join(TARGETS)} "
            "(a row as JSON), or nothing to ignore the column. Others are guessed by their names.",
            examples=[["Email address:email", "Class:"]],
        ),
    ] = None,
    name: Annotated[JobName | None, Query(examples=["Class of 2027"])] = None,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> JobState:
    """Send a file: CSV in UTF-8 (`,` or `;`, the first row names the columns), or JSON lines with a batch's rows.

    Up to 1,000,000 rows. Each row is looked at before anything is signed. A row is issued once, however often it is
    sent, in whatever job: its key is its `row_id`, or else the achievement and the learner, and `nth` for another such
    badge of the same learner.
    """
    kind, in_formats, said = kind_of(request), unique_formats(formats), said_of(mapping)
    undo = timedelta(seconds=undo_seconds) if undo_seconds else None
    wanted = WantedJob(achievement_id, kind, in_formats, name, auto_confirm, release_at, undo, said)
    sent = None
    if idempotency_key is not None:
        idempotency.refuse_malformed(idempotency_key)
        sent = IdempotentUpload(idempotency_key, f"POST {request.url.path}?{request.url.query}\n".encode())
    job_id = await uploads.receive(who, wanted, _pieces(request), sent)
    job = await _job(database, who, job_id)
    return JobState(id=job.id, state=job.state)


@router.get("")
async def list_jobs(
    who: Reader,
    database: AppDatabase,
    state: State | None = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Jobs:
    """Your issuance jobs, newest first."""
    after = place(cursor, who.tenant_id, "jobs")
    async with database.transaction(who.tenant_id) as tx:
        rows = await store.page(tx, who.tenant_id, state, after, limit)
        counts = await store.counts(tx, [row["id"] for row in rows])
    more = following(rows, limit, who.tenant_id, "jobs", lambda row: (row["created_at"], row["id"]))
    return Jobs(items=[job_view(row, counts[row["id"]]) for row in rows], next=more)


@router.get("/{job_id}")
async def get_job(job_id: UUID, who: Reader, database: AppDatabase) -> Job:
    """How a job stands."""
    return await _job(database, who, job_id)


@router.get("/{job_id}/preview")
async def preview_job(job_id: UUID, who: Reader, database: AppDatabase) -> Preview:
    """What would become of the rows, with the first ten that would be issued."""
    async with database.transaction(who.tenant_id) as tx:
        job = await handlers.job(tx, who.tenant_id, job_id)
        refuse_removed(job)
        counts = (await store.counts(tx, [job_id]))[job_id]
        errors = await job_rows.error_counts(tx, job_id)
        samples = await job_rows.samples(tx, job_id, SAMPLES)
    return preview_view(job, counts, errors, list(samples))


async def _watcher(job_id: UUID, who: Reader, database: AppDatabase) -> Principal:
    """Dependency of the stream: refuses before it begins."""
    async with database.transaction(who.tenant_id) as tx:
        await handlers.job(tx, who.tenant_id, job_id)
    return who


@router.get("/{job_id}/events", response_class=EventSourceResponse)
async def watch_job(
    job_id: UUID, who: Annotated[Principal, Depends(_watcher)], database: AppDatabase
) -> AsyncIterator[ServerSentEvent]:
    """How a job stands, as server-sent events `job`, each time that it has moved; ends when the job does."""
    async for event in moves("job", lambda: _job(database, who, job_id), LOOK_SECONDS):
        yield event


@router.get("/{job_id}/errors.csv", response_class=StreamingResponse, responses=_CSV)
async def get_errors(job_id: UUID, who: Reader, database: AppDatabase) -> StreamingResponse:
    """The rows that have no badge, as they were sent, with row, column, code and error: to be mended and sent again."""
    return _download("errors", job_id, errors_csv(database, await _with_rows(database, who, job_id)))


@router.get("/{job_id}/results.csv", response_class=StreamingResponse, responses=_CSV)
async def get_results(job_id: UUID, who: Reader, database: AppDatabase, settings: Settings) -> StreamingResponse:
    """The rows that have a badge, as they were sent, each with its badge, and whether it was issued before."""
    job = await _with_rows(database, who, job_id)
    return _download("results", job_id, results_csv(database, job, settings.public_url))


@router.post("/{job_id}/confirm")
async def confirm_job(job_id: UUID, who: Issuer, database: AppDatabase) -> Job:
    """Let what the preview shows be issued, in the name of this key."""
    return await _changed(database, who, job_id, "confirm")


@router.post("/{job_id}/pause")
async def pause_job(job_id: UUID, who: Issuer, database: AppDatabase) -> Job:
    """Stop a job where it is; chunks under way are ended."""
    return await _changed(database, who, job_id, "pause")


@router.post("/{job_id}/resume")
async def resume_job(job_id: UUID, who: Issuer, database: AppDatabase) -> Job:
    """Let a paused job go on."""
    return await _changed(database, who, job_id, "resume")


@router.post("/{job_id}/cancel")
async def cancel_job(job_id: UUID, who: Issuer, database: AppDatabase) -> Job:
    """End a job: what is issued stays, and nothing more is. One that was held leaves no badge, and tells nobody."""
    return await _changed(database, who, job_id, "cancel")


def unique_formats(formats: list[Format] | None) -> list[Format]:
    """Return the formats that are asked for; raises Malformed and Invalid."""
    try:
        wanted: list[Format] = unique(list(formats or ("eddsa-rdfc-2022",)))
    except ValueError as error:
        raise Malformed("format_twice", f"format {error}.") from error
    refuse_two_tokens(wanted)
    return wanted


def kind_of(request: Request) -> Any:
    """Return which kind of file a request brings; raises UnsupportedMedia."""
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    kind = _KINDS.get(media.strip().lower())
    if kind is None:
        raise UnsupportedMedia("media_type_not_taken", f"Send {', '.join(_KINDS)}.")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if charset.startswith("charset=") and charset not in ("charset=utf-8", "charset=utf8"):
        raise UnsupportedMedia("charset_not_taken", "Files are taken in UTF-8 alone; save it as 'CSV UTF-8'.")
    return kind


def said_of(mapping: list[str] | None) -> dict[str, str]:
    """Return what a request says of columns, by their names; raises Malformed."""
    if mapping is None:
        return {}
    try:
        if len(mapping) == 1 and mapping[0].startswith("{"):
            said = orjson.loads(mapping[0])
        else:
            pairs = [each.rpartition(":") for each in mapping]
            said = {name: target.strip() for name, colon, target in pairs if colon}
            if len(said) < len(mapping):
                raise ValueError("no colon")
        if not all(isinstance(target, str) for target in said.values()):
            raise ValueError("no text")
    except ValueError as error:
        raise Malformed("mapping_malformed", "Write mapping=Column:email for each, or one JSON object.") from error
    return dict(said)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect as error:
        raise Malformed("upload_interrupted", "The upload broke off.") from error


async def _job(database: Database, who: Principal, job_id: UUID) -> Job:
    async with database.transaction(who.tenant_id) as tx:
        job = await handlers.job(tx, who.tenant_id, job_id)
        counts = await store.counts(tx, [job_id])
    return job_view(job, counts[job_id])


async def _changed(database: Database, who: Principal, job_id: UUID, change: Change) -> Job:
    async with database.transaction(who.tenant_id) as tx:
        await handlers.change(tx, who, job_id, change)
    return await _job(database, who, job_id)


def refuse_removed(job: Row) -> None:
    """Raise Gone where the rows of a job are not kept any more."""
    if job["rows_removed_at"] is not None:
        raise Gone("job_rows_removed", "The job ended so long ago that its rows are not kept any more.")


async def _with_rows(database: Database, who: Principal, job_id: UUID) -> Row:
    async with database.transaction(who.tenant_id) as tx:
        job = await handlers.job(tx, who.tenant_id, job_id)
    refuse_removed(job)
    return job


def _download(what: str, job_id: UUID, file: AsyncIterator[str]) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{what}-{job_id}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(file, media_type="text/csv; charset=utf-8", headers=headers)
