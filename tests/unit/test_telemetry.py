"""What leaves the process with logs and spans, and what a stranger's headers can do."""

import json
import logging
from collections.abc import Sequence

import pytest
import structlog
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from shared import telemetry

STRANGER = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.fixture(scope="module", autouse=True)
def exported() -> InMemorySpanExporter:
    """Configure this process as a service, and keep what is exported."""
    exporter = InMemorySpanExporter()
    telemetry.configure("probe", None)
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(telemetry.Reticent(exporter)))
    return exporter


def test_an_exceptions_message_is_not_logged_its_kind_and_place_are(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("planted@example.org")
    except ValueError as error:
        structlog.get_logger().error("failed", exc_info=error)
    line = capsys.readouterr().out
    assert "planted" not in line
    assert "ValueError" in line
    assert "test_telemetry.py" in line


def test_a_name_with_line_breaks_and_escapes_stays_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().info('x\r\n{"forged": true}', name="\x1b[31mred\n")
    assert capsys.readouterr().out.count("\n") == 1
    ours = next(each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler)
    record = logging.LogRecord("library", logging.WARNING, __file__, 1, "one\ntwo %s", ("\x1b[31m",), None)
    assert json.loads(ours.format(record))["event"] == "one\ntwo \x1b[31m"
    assert "\n" not in ours.format(record)


def test_only_allowed_attributes_leave_the_process(exported: InMemorySpanExporter) -> None:
    attributes = {"http.url": "https://x/?owner=planted", "laurel.verdict": "valid"}
    with telemetry.span("work", attributes):
        trace.get_current_span().record_exception(ValueError("planted"))
    span = exported.get_finished_spans()[-1]
    assert dict(span.attributes or {}) == {"laurel.verdict": "valid"}
    assert span.events == ()


def test_a_strangers_trace_is_not_continued() -> None:
    found = propagate.extract({"traceparent": STRANGER, "baggage": "a=b"})
    assert not trace.get_current_span(found).get_span_context().is_valid


def test_a_records_trace_is_continued_and_handed_on() -> None:
    with telemetry.consumer_span("process", STRANGER):
        assert telemetry.outgoing()["traceparent"].split("-")[1] == "a" * 32
    with telemetry.within(STRANGER):
        assert telemetry.outgoing()["traceparent"].split("-")[2] == "b" * 16


def test_a_malformed_traceparent_begins_a_trace_of_our_own() -> None:
    with telemetry.consumer_span("process", "00-zz-zz-zz"):
        assert telemetry.outgoing()["traceparent"].split("-")[1] != "a" * 32


def test_polling_begins_no_trace(exported: InMemorySpanExporter) -> None:
    before = len(exported.get_finished_spans())
    with trace.get_tracer("poll").start_as_current_span("select", kind=SpanKind.CLIENT):
        pass
    assert len(exported.get_finished_spans()) == before


def test_a_sent_record_is_a_span_of_the_trace_that_wrote_it(exported: InMemorySpanExporter) -> None:
    attributes = {"laurel.event_type": "laurel.credential.issued.v1", "value": "planted"}
    telemetry.producer_span("publish issuer.events.v1", STRANGER, 1_000, 5_000, attributes)
    span = exported.get_finished_spans()[-1]
    assert span.parent is not None
    assert trace.format_span_id(span.parent.span_id) == "b" * 16
    assert (span.kind, span.start_time, span.end_time) == (SpanKind.PRODUCER, 1_000, 5_000)
    assert dict(span.attributes or {}) == {"laurel.event_type": "laurel.credential.issued.v1"}


def test_whether_spans_leave_is_known_before_they_are_made() -> None:
    assert not telemetry.exports()


def test_a_collector_that_is_away_is_told_of_once_and_other_libraries_are_heard() -> None:
    ours = next(each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler)

    def passed(name: str) -> int:
        record = logging.LogRecord(name, logging.WARNING, __file__, 1, "away", (), None)
        return sum(bool(ours.filter(record)) for _ in range(50))

    assert passed("opentelemetry.exporter.otlp.proto.http.trace_exporter") == 1
    assert passed("uvicorn.error") == 50


class Away(SpanExporter):
    """A collector that does not answer."""

    tries = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.tries += 1
        return SpanExportResult.FAILURE


def test_after_a_failure_exports_are_dropped_for_some_seconds_untried(monkeypatch: pytest.MonkeyPatch) -> None:
    away, now = Away(), [100.0]
    monkeypatch.setattr(telemetry.time, "monotonic", lambda: now[0])
    reticent = telemetry.Reticent(away)
    assert {reticent.export([]) for _ in range(10)} == {SpanExportResult.FAILURE}
    assert away.tries == 1
    now[0] += telemetry.REST_SECONDS
    reticent.export([])
    assert away.tries == 2
