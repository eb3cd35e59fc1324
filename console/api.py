"""A badge's traces for programs: what `laurel trace` prints."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from console.sessions import program
from console.story import Story, Teller, Told
from console.waterfall import IN_LOG
from shared.errors import NotFound, Unavailable
from shared.web.problems import RESPONSES

router = APIRouter(tags=["traces"], responses=RESPONSES, dependencies=[Depends(program)])


class SpanLine(BaseModel):
    """One span; lines come parent first, each parent's children in the order of their starts."""

    span_id: str
    parent_id: str | None
    service: str = Field(examples=["registry"])
    name: str = Field(examples=["handle laurel.credential.issued.v1"])
    kind: str = Field(examples=["consumer"])
    offset_ms: float = Field(description="Since the trace's first span began.")
    duration_ms: float
    depth: int
    status: str = Field(examples=["unset", "error"])
    attributes: dict[str, Any]


class TraceLines(BaseModel):
    """One trace."""

    trace_id: str
    title: str = Field(examples=["Issued"])
    started_at: str
    duration_ms: float
    relation: Literal["own", "verification"]
    spans: list[SpanLine]


class Traces(BaseModel):
    """What is kept of one badge, oldest first."""

    credential_id: UUID
    traces: list[TraceLines]
    kept_hours: int
    elsewhere: list[str] = Field(description="Where the collector that is configured shows the badge's traces.")


async def teller(request: Request) -> Teller:
    """Dependency: where stories come from."""
    found: Teller = request.app.state.teller
    return found


TheTeller = Annotated[Teller, Depends(teller)]


@router.get("/v1/traces/{credential_id}")
async def traces(credential_id: UUID, tellers: TheTeller) -> Traces:
    """Every trace of one badge that is kept: what was done to it, and its verifications."""
    story = await tellers.story(credential_id)
    if not story.traces and not story.record:
        _refuse(story)
    return Traces(
        credential_id=credential_id,
        traces=[_trace(each) for each in story.traces],
        kept_hours=tellers.kept_hours,
        elsewhere=list(story.elsewhere),
    )


def _refuse(story: Story) -> None:
    for name in ("spans", "registry"):
        if name in story.troubles:
            raise Unavailable("badge_not_found_now", f"Nothing is here of it, and {name}: {story.troubles[name]}.")
    raise NotFound("credential_not_found", "There is no credential with this id, and no trace of one.")


def _trace(told: Told) -> TraceLines:
    return TraceLines(
        trace_id=told.trace_id,
        title=told.title,
        started_at=told.started_at.isoformat(),
        duration_ms=told.duration_ms,
        relation=told.relation,
        spans=[
            SpanLine(
                span_id=line.span.span_id,
                parent_id=line.span.parent_id,
                service=line.span.service,
                name=line.span.name,
                kind=line.span.kind,
                offset_ms=line.offset_ms,
                duration_ms=line.duration_ms,
                depth=line.depth,
                status=line.span.status,
                attributes={**line.span.attributes, **_in_log(told, line.span.span_id)},
            )
            for line in told.lines
        ],
    )


def _in_log(told: Told, span_id: str) -> dict[str, float]:
    return {IN_LOG: told.in_log[span_id]} if span_id in told.in_log else {}
