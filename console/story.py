"""Puts together what is known of one badge: its traces, the registry's record, what the notifier has sent."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from console import waterfall
from console.neighbours import Answer, Asking, Away, Neighbour
from console.settings import ConsoleSettings
from console.spans import SpanStore, Trace
from console.waterfall import Line
from shared.errors import Unavailable

TraceId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
# An id alone, or in a badge's address, whatever follows it there.
_ID = re.compile(
    r"(?:^|^urn:uuid:|/credentials/)([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:$|[.?#/])", re.IGNORECASE
)
MAX_ASKED = 500
# The newest; the notifier's own maximum of a page.
MAX_DELIVERIES = 200


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Entry(_Part):
    """One version of the badge in the registry's history."""

    version: int
    type: str
    time: datetime
    trace_id: TraceId | None = None


class Named(_Part):
    """Something with a name."""

    name: str | None = None


class Record(_Part):
    """The registry's record of a badge."""

    status: str
    history: tuple[Entry, ...]
    types: tuple[str, ...] = ()
    achievement: Named | None = None
    issuer: Named | None = None

    @property
    def name(self) -> str:
        """What it was issued for; of what is no badge, what it says that it is."""
        named = self.achievement.name if self.achievement else ", ".join(self.types)
        return named or "name not here yet"


class Attempt(_Part):
    """One attempt to deliver."""

    number: int
    started_at: datetime
    duration_ms: int | None = None
    outcome: str | None = None
    status: int | None = None
    error: str | None = None


class Delivery(_Part):
    """One message to one receiver."""

    id: UUID
    type: str
    channel: str
    state: str
    created_at: datetime
    attempts: tuple[Attempt, ...] = ()


class _Deliveries(_Part):
    items: tuple[Delivery, ...]


@dataclass(frozen=True)
class Told:
    """A trace as it is told, in words and span by span; `in_log` has, by span, for how many ms its record lay there."""

    trace_id: str
    title: str
    started_at: datetime
    duration_ms: float
    relation: Literal["own", "verification"]
    lines: Sequence[Line]
    in_log: dict[str, float]
    elsewhere: str | None

    @property
    def steps(self) -> list[Line]:
        """The lines but for single statements to a database."""
        return [each for each in self.lines if not any(name.startswith("db.") for name in each.span.attributes)]

    @property
    def services(self) -> list[str]:
        """The services in it, in the order in which it reached them."""
        return list(dict.fromkeys(line.span.service for line in self.lines))


@dataclass(frozen=True)
class Story:
    """What is known of one badge; of what could not be asked, `troubles` says why."""

    credential_id: UUID
    traces: Sequence[Told]
    record: Record | None
    deliveries: Sequence[Delivery]
    troubles: dict[str, str]
    elsewhere: Sequence[str]

    @property
    def own(self) -> list[Told]:
        """What was done to the badge."""
        return [each for each in self.traces if each.relation == "own"]

    @property
    def verifications(self) -> list[Told]:
        """Who looked at it."""
        return [each for each in self.traces if each.relation == "verification"]


M = TypeVar("M", bound=_Part)


@dataclass(frozen=True)
class Teller:
    """Where stories come from."""

    settings: ConsoleSettings
    spans: SpanStore
    asking: Asking
    registry: Neighbour
    notifier: Neighbour

    @property
    def kept_hours(self) -> int:
        """For how long spans are kept."""
        return round(self.spans.bounds.age.total_seconds() / 3600)

    async def story(self, credential_id: UUID) -> Story:
        """Ask for all of it at once; what does not answer is missing, and named among the troubles."""
        badge = str(credential_id)
        troubles: dict[str, str] = {}
        traces, record, sent = await asyncio.gather(
            self._traces(badge, troubles),
            self._ask(self.registry, f"/v1/credentials/{badge}", {}, Record, troubles),
            self._ask(
                self.notifier,
                "/v1/deliveries",
                {"credential_id": badge, "limit": str(MAX_DELIVERIES)},
                _Deliveries,
                troubles,
            ),
        )
        history = record.history if record else ()
        changes = {each.trace_id: each.type for each in history if each.trace_id}
        found = dict.fromkeys([*changes, *(each.trace_id for each in traces)])
        tales = [told(each, changes, self.settings.elsewhere(each.trace_id)) for each in traces if each.spans]
        return Story(
            credential_id,
            sorted(tales, key=lambda each: each.started_at),  # they came in the order in which services sent them
            record,
            sent.items if sent else (),
            troubles,
            [url for trace_id in found if (url := self.settings.elsewhere(trace_id))],
        )

    async def _traces(self, credential_id: str, troubles: dict[str, str]) -> list[Trace]:
        try:
            return await self.spans.find(credential_id)
        except Unavailable as error:
            troubles["spans"] = error.detail
            return []

    async def _ask(
        self, service: Neighbour, path: str, query: dict[str, str], form: type[M], troubles: dict[str, str]
    ) -> M | None:
        """Return what a service answers, None where it knows nothing of it or does not answer."""
        try:
            answer = await self.asking.get(service.inside[0] + path, as_operator=True, query=query)
            return _read(answer, form)
        except Away as away:
            troubles[service.name] = str(away)
            return None


def told(trace: Trace, changes: dict[str, str], elsewhere: str | None) -> Told:
    """Tell a trace that has spans."""
    began = min(each.start_ns for each in trace.spans)
    return Told(
        trace_id=trace.trace_id,
        title=waterfall.title(trace, changes),
        started_at=datetime.fromtimestamp(began / 1e9, UTC),
        duration_ms=waterfall.duration_ms(trace.spans),
        relation="verification" if trace.verifies else "own",
        lines=waterfall.waterfall(trace.spans),
        in_log=waterfall.in_log(trace.spans),
        elsewhere=elsewhere,
    )


def badge_id(text: str) -> UUID | None:
    """Return the badge's id in what somebody pasted: an id, `urn:uuid:…`, or a badge's address in any of its forms."""
    found = _ID.search(text.strip()[:MAX_ASKED])
    return UUID(found.group(1)) if found else None


def _read(answer: Answer, form: type[M]) -> M | None:
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise Away(f"answers with status {answer.status}")
    try:
        found: Any = answer.json()
        return form.model_validate(found)
    except ValidationError as error:
        raise Away("answers with something unexpected") from error
