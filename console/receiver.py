"""Takes spans over OTLP/HTTP (protobuf), as a collector does, and lets through only what a span of ours may have."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from console.spans import Span, SpanStore
from shared.errors import Malformed, UnsupportedMedia
from shared.telemetry import ALLOWED_ATTRIBUTES
from shared.web.problems import RESPONSES

MEDIA_TYPE = "application/x-protobuf"
# Our longest span name has some 60 characters, our longest attribute (a route) as many.
MAX_NAME = 120
MAX_TEXT = 200
# OpenTelemetry's own limits.
MAX_LINKS = 128
MAX_ATTRIBUTES = 128
# An exporter's batch has 512 spans; what has many more, or is made of empty shells, is none of ours.
MAX_SPANS = 5_000
# The protocol's enumerations, by their numbers.
KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
# Times that SQLite can hold, in ns since 1970.
MAX_NS = 2**63

router = APIRouter(tags=["spans"], responses=RESPONSES)


async def _store(request: Request) -> SpanStore:
    store: SpanStore = request.app.state.spans
    return store


Store = Annotated[SpanStore, Depends(_store)]


@router.post(
    "/v1/traces",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def traces(request: Request, store: Store) -> Response:
    """Keep an export's spans (OTLP/HTTP, ExportTraceServiceRequest); answers how many could not be taken."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise UnsupportedMedia("media_type_not_taken", f"Spans are taken as {MEDIA_TYPE} alone.")
    body = await request.body()
    rejected = 0

    def taken() -> Sequence[Span]:
        nonlocal rejected
        spans, rejected = read(body)
        return spans

    await store.add(taken)
    answer = ExportTraceServiceResponse()
    if rejected:
        message = "spans without ids or times, or with such as there can't be"
        answer.partial_success.CopyFrom(ExportTracePartialSuccess(rejected_spans=rejected, error_message=message))
    return Response(answer.SerializeToString(), media_type=MEDIA_TYPE)


def read(body: bytes) -> tuple[list[Span], int]:
    """Return the spans of an export, and how many can't be taken; raises Malformed where it is no export at all."""
    try:
        export = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise Malformed("export_malformed", "This is no ExportTraceServiceRequest of OTLP.") from error
    _refuse_excess(export)
    found = [_span(service, span) for service, scopes in _groups(export) for scope in scopes for span in scope.spans]
    taken = [each for each in found if each]
    return taken, len(found) - len(taken)


def _refuse_excess(export: ExportTraceServiceRequest) -> None:
    """Raise Malformed for more groups, scopes or spans than an export of ours has, before they are gone through."""
    scopes = sum(len(group.scope_spans) for group in export.resource_spans[:MAX_SPANS])
    if len(export.resource_spans) <= MAX_SPANS and scopes <= MAX_SPANS:
        spans = sum(len(scope.spans) for group in export.resource_spans for scope in group.scope_spans)
        if spans <= MAX_SPANS:
            return
    raise Malformed("export_too_large", f"An export has at most {MAX_SPANS} spans, and as many groups of them.")


def _groups(export: ExportTraceServiceRequest) -> Iterator[tuple[str, Iterable[trace_pb2.ScopeSpans]]]:
    for group in export.resource_spans:
        names = (each.value.string_value for each in group.resource.attributes if each.key == "service.name")
        yield next(names, "")[:MAX_NAME].removeprefix("laurel-") or "unknown", group.scope_spans


def _span(service: str, span: trace_pb2.Span) -> Span | None:
    sound = len(span.trace_id) == 16 and len(span.span_id) == 8 and len(span.parent_span_id) in (0, 8)
    if not sound or not 0 < span.start_time_unix_nano <= span.end_time_unix_nano < MAX_NS:
        return None
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        service=service,
        name=span.name[:MAX_NAME],
        kind=_word(KINDS, span.kind),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=_word(STATUSES, span.status.code),
        attributes=dict(_attributes(span.attributes)),
        links=tuple({each.trace_id.hex() for each in span.links[:MAX_LINKS] if len(each.trace_id) == 16}),
    )


def _word(words: Sequence[str], number: int) -> str:
    return words[number] if 0 <= number < len(words) else words[0]


def _attributes(attributes: Iterable[KeyValue]) -> Iterator[tuple[str, str | bool | int | float]]:
    for each in islice(attributes, MAX_ATTRIBUTES):
        value = _value(each.value) if each.key in ALLOWED_ATTRIBUTES else None
        if value is not None:
            yield each.key, value


def _value(value: AnyValue) -> str | bool | int | float | None:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value[:MAX_TEXT]
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value" if math.isfinite(value.double_value):
            return value.double_value
    return None
