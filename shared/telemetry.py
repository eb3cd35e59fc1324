"""Traces and logs: set up once a process, and the few calls that carry a trace out of one service and into another."""

import logging
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import structlog
from fastapi import FastAPI
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.utils import suppress_http_instrumentation
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

# What may leave the process with a span. Everything else, known or not, may hold personal data or secrets.
ALLOWED_ATTRIBUTES = frozenset(
    {
        "http.method", "http.request.method", "http.route", "http.status_code", "http.response.status_code",
        "db.system", "db.system.name", "db.name", "db.namespace", "error.type",
        "messaging.system", "messaging.destination.name", "messaging.destination.partition.id",
        "messaging.kafka.offset", "messaging.operation.type", "messaging.message.id", "messaging.batch.message_count",
        "laurel.credential_id", "laurel.event_type", "laurel.institution_id", "laurel.verification_id",
        "laurel.verdict", "laurel.reason", "laurel.channel", "laurel.delivery_id", "laurel.outcome",
    }
)  # fmt: skip

# Spans are notes. A collector that does not answer is given up soon, and what comes in the seconds after that is
# dropped untried: so a process that ends need not wait for it, batch by batch.
EXPORT_SECONDS = 3.0
REST_SECONDS = 5.0
# A collector that is away for long is told of in the log once in so many seconds, and not once a try.
EXPORTER_SILENCE_SECONDS = 300.0

# The flags of a traceparent whose trace goes on without spans.
_NO_SPANS = "00"
_PROPAGATOR = TraceContextTextMapPropagator()
_exporting = False


def configure(service: str, otlp_endpoint: str | None) -> None:
    """Set up logging and tracing for this process; without an endpoint spans are made and not exported."""
    global _exporting  # noqa: PLW0603  # tracing is the process's, and set up once
    _exporting = bool(otlp_endpoint)
    _configure_logging(service)
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"laurel-{service}"}), sampler=ParentBased(root=_Entrances())
    )
    if otlp_endpoint:
        exporter = OTLPSpanExporter(endpoint=f"{otlp_endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
        provider.add_span_processor(BatchSpanProcessor(Reticent(exporter), schedule_delay_millis=1000))
        _Statements().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]  # it ships no types
    trace.set_tracer_provider(provider)
    propagate.set_global_textmap(_OutwardOnly())
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)


def instrument(app: FastAPI) -> None:
    """Give every request of `app` a span."""
    FastAPIInstrumentor.instrument_app(app, excluded_urls="livez,readyz,metrics", exclude_spans=["receive", "send"])


def outgoing() -> dict[str, str]:
    """Return the headers (`traceparent`, `tracestate`) that carry the current trace to whoever reads a record."""
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers)
    return headers


def unsampled(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers of the same trace that ask for no spans of what is done on (Trace Context, 3.2.2.5)."""
    return {name: f"{text[:-2]}{_NO_SPANS}" if name == "traceparent" else text for name, text in headers.items()}


def is_sampled(traceparent: str | None) -> bool:
    """Tell whether there is a trace, and spans are wanted of what is done on in it."""
    return bool(traceparent) and not str(traceparent).endswith(f"-{_NO_SPANS}")


@contextmanager
def within(traceparent: str | None) -> Iterator[None]:
    """Make the span that a record came from the current one, so that what is added to the outbox continues it."""
    token = otel_context.attach(_remote(traceparent))
    try:
        yield
    finally:
        otel_context.detach(token)


@contextmanager
def consumer_span(name: str, traceparent: str | None, attributes: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Open a span for work on a record, as a child of the span that wrote the record."""
    with _tracer().start_as_current_span(
        name, context=_remote(traceparent), kind=SpanKind.CONSUMER, attributes=attributes, record_exception=False
    ):
        yield


@contextmanager
def span(name: str, attributes: Mapping[str, Any] | None = None, links: Sequence[str | None] = ()) -> Iterator[None]:
    """Open a span under the current one, with links to the spans of `links` (traceparents)."""
    linked = [Link(_span_context(text)) for text in links if text]
    with _tracer().start_as_current_span(name, attributes=attributes, links=linked, record_exception=False):
        yield


def exports() -> bool:
    """Tell whether spans leave this process: what only makes spans need not be done otherwise."""
    return _exporting


def producer_span(name: str, traceparent: str, start_ns: int, end_ns: int, attributes: Mapping[str, Any]) -> None:
    """Record a span for a record that was sent, as a child of the span that wrote it; times in ns since 1970."""
    made = _tracer().start_span(
        name, context=_remote(traceparent), kind=SpanKind.PRODUCER, attributes=attributes, start_time=start_ns
    )
    made.end(end_ns)


def annotate(**attributes: str | int) -> None:
    """Set attributes on the current span; `credential_id=…` becomes `laurel.credential_id`."""
    current = trace.get_current_span()
    for name, value in attributes.items():
        current.set_attribute(f"laurel.{name}", value)


def link(traceparent: str | None) -> None:
    """Link the current span to another trace."""
    if traceparent:
        trace.get_current_span().add_link(_span_context(traceparent))


@contextmanager
def untold() -> Iterator[None]:
    """Make requests that tell whoever is asked nothing of our trace, and leave no span of their own."""
    with suppress_http_instrumentation():
        yield


def _tracer() -> trace.Tracer:
    return _tracer_of(trace.get_tracer_provider())


@cache
def _tracer_of(provider: trace.TracerProvider) -> trace.Tracer:
    return provider.get_tracer("laurel")  # a look-up costs a good part of a span, so once


def _remote(traceparent: str | None) -> otel_context.Context:
    return _PROPAGATOR.extract({"traceparent": traceparent} if traceparent else {}, otel_context.Context())


def _span_context(traceparent: str) -> trace.SpanContext:
    return trace.get_current_span(_remote(traceparent)).get_span_context()


class _OutwardOnly(TraceContextTextMapPropagator):
    """Tells others our trace, and begins our own for whatever comes in: a stranger's header decides nothing."""

    def extract(self, carrier: Any, context: Any = None, getter: Any = None) -> otel_context.Context:
        return context if context is not None else otel_context.Context()


class _Statements(AsyncPGInstrumentor):
    """Gives spans to statements of what is sampled; all others would get none either, and pay for making it."""

    def _do_execute(self, func: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        if not trace.get_current_span().get_span_context().trace_flags.sampled:
            return func(*args, **kwargs)
        return super()._do_execute(func, instance, args, kwargs)  # type: ignore[no-untyped-call]


class _Entrances(Sampler):
    """Samples traces that begin with a request or a piece of work; the polling of our own loops begins none."""

    def should_sample(
        self,
        parent_context: otel_context.Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        polling = kind is SpanKind.CLIENT
        return SamplingResult(Decision.DROP if polling else Decision.RECORD_AND_SAMPLE, attributes, trace_state)

    def get_description(self) -> str:
        return "Entrances"


class Reticent(SpanExporter):
    """Exports spans with allowed attributes alone, and without messages of exceptions; rests after a failure."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._rests_until = float("-inf")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if time.monotonic() < self._rests_until:
            return SpanExportResult.FAILURE
        result = self._inner.export([_reticent(each) for each in spans])
        if result is SpanExportResult.FAILURE:
            self._rests_until = time.monotonic() + REST_SECONDS
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


def _reticent(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if name in ALLOWED_ATTRIBUTES},
        links=[Link(each.context) for each in span.links],
        kind=span.kind,
        status=trace.Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _configure_logging(service: str) -> None:
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        _add_trace,
        _reticent_traceback,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],  # JSON escapes what could forge a line
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(),  # to standard output
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(_SeldomOfExports())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _SeldomOfExports(logging.Filter):
    """Lets what OpenTelemetry's exporter has to say pass once in a while: each try of each batch has its own line."""

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(("opentelemetry.exporter", "opentelemetry.sdk")):
            return True
        if time.monotonic() < self._quiet_until:
            return False
        self._quiet_until = time.monotonic() + EXPORTER_SILENCE_SECONDS
        return True


def _reticent_traceback(_: Any, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Tell where an exception came from and of what kind it was; its message may quote what somebody sent."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = [
            {"type": type(each).__qualname__, "at": [f"{frame.filename}:{frame.lineno}" for frame in _frames(each)]}
            for each in _chain(error)
        ]
    return event


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _frames(error: BaseException) -> traceback.StackSummary:
    return traceback.extract_tb(error.__traceback__, limit=-8)


def _add_trace(_: Any, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event
