"""How issuance jobs are shown."""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, Field

from services.issuer.domain.columns import mapping_of
from services.issuer.domain.jobs import ENDED, State
from services.issuer.domain.row import Row
from shared.web.pagination import Page

SAMPLES = 10


class JobChange(BaseModel):
    """What somebody did to a job."""

    change: Literal["created", "confirm", "pause", "resume", "cancel"]
    key_id: str = Field(description="By which API key.")
    time: datetime


class Job(BaseModel):
    """How an issuance job stands. The numbers are of rows."""

    id: UUID
    name: str | None = Field(examples=["Class of 2027"])
    achievement_id: UUID
    state: State
    phase: State = Field(description="Where it is, or would be if it were not paused.")
    progress: float = Field(description="How much of this phase is done, from 0 to 1.", examples=[0.42])
    rows: int
    linted: int
    valid: int = Field(description="Those that are, or were, to be issued.")
    errors: int
    already_issued: int = Field(description="Those whose badge an earlier row has made, of this file or another.")
    repeated: int = Field(description="Those that ask for the same badge as an earlier row of this file.")
    issued: int
    rate: float | None = Field(description="Rows per second in the last 30 s; null while nothing moves.")
    created_at: datetime
    started_at: datetime = Field(description="When its file began to come in.")
    phase_started_at: datetime
    estimated_end_at: datetime | None = Field(description="Of the present phase, at the present rate.")
    ended_at: datetime | None
    auto_confirm: bool
    release_at: datetime | None = Field(description="Until then what is confirmed is held, and leaves nothing behind.")
    undo_seconds: int | None = Field(description="For so long from its confirmation on; `release_at` follows from it.")
    formats: list[str]
    delimiter: str | None
    mapping: dict[str, str] = Field(description="What each column is, by its name in the file.")
    ignored_columns: list[str]
    reason_code: str | None = Field(description="Why it is paused or failed.")
    reason: str | None
    history: list[JobChange]


class Jobs(Page):
    """Issuance jobs, newest first."""

    items: list[Job]


class Sample(BaseModel):
    """A row as it would be issued."""

    row: int
    name: str | None = None
    email: str | None = None
    id: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    renewable_until: datetime | None = None
    results: list[dict[str, Any]] = []
    evidence: list[dict[str, Any]] = []


class Preview(BaseModel):
    """What would become of a job's rows. While it is linting: of those that were looked at."""

    rows: int
    valid: int
    errors: int
    already_issued: int
    repeated: int
    errors_by_code: dict[str, int]
    samples: list[Sample]
    mapping: dict[str, str]
    ignored_columns: list[str]


def job_view(job: Row, counts: Row) -> Job:
    """Show a job with what its chunks have come to."""
    total, did = _measure(job, counts)
    rate = counts["lately"] / counts["seconds"] if counts["lately"] and counts["seconds"] else None
    moving = rate and job["state"] in ("linting", "running")
    known = {name: job[name] for name in Job.model_fields if name in job.keys()}  # noqa: SIM118  # a record's keys
    return Job(
        **known,
        progress=1.0 if job["phase"] in ENDED or not total else min(1.0, did / total),
        linted=counts["linted"],
        valid=counts["valid"],
        errors=counts["errors"],
        already_issued=counts["already"],
        issued=counts["issued"],
        undo_seconds=int(job["undo"].total_seconds()) if job["undo"] else None,
        rate=round(rate, 1) if rate and moving else None,
        started_at=job["created_at"],
        phase_started_at=job["phase_at"],
        estimated_end_at=job["now"] + timedelta(seconds=(total - did) / rate) if rate and moving else None,
        mapping=_mapping(job),
        ignored_columns=_ignored(job),
    )


def preview_view(job: Row, counts: Row, errors_by_code: dict[str, int], samples: list[Row]) -> Preview:
    """Show what would become of a job's rows."""
    return Preview(
        rows=job["rows"],
        valid=counts["valid"],
        errors=counts["errors"],
        already_issued=counts["already"],
        repeated=job["repeated"],
        errors_by_code=errors_by_code,
        samples=[_sample(row) for row in samples],
        mapping=_mapping(job),
        ignored_columns=_ignored(job),
    )


def _measure(job: Row, counts: Row) -> tuple[int, int]:
    """Return of how many rows the phase consists, and how many of them are done."""
    if job["phase"] == "linting":
        return job["rows"], counts["linted"]
    if job["phase"] == "running":
        return counts["valid"], counts["ran"]
    return 1, int(job["phase"] in ("preview", "held"))


def _mapping(job: Row) -> dict[str, str]:
    return mapping_of(job["header"] or (), job["columns"] or ())


def _ignored(job: Row) -> list[str]:
    return [name for name, column in zip(job["header"] or (), job["columns"] or (), strict=True) if not column]


def _sample(row: Row) -> Sample:
    order = orjson.loads(row["wanted"])
    return Sample(**{**order, "row": row["number"], "id": order.get("recipient_id")})
