"""OTLP over HTTP: what a real exporter sends is kept, but for what must not be; what is no export is refused."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from console.app import MAX_BODY_BYTES, make_app, running
from console.receiver import read
from console.settings import ConsoleSettings
from tests.unit.console.builders import BADGE

KEY = "operator-key-of-a-test"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
PLANTED = "ada.planted@example.org"


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = ConsoleSettings(port=0, operator_key=KEY, span_folder=tmp_path)  # type: ignore[arg-type]
    async with running(settings) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        yield client


def an_export(**members: object) -> ExportTraceServiceRequest:
    export = ExportTraceServiceRequest()
    made = {"trace_id": b"t" * 16, "span_id": b"s" * 8, "start_time_unix_nano": 1, "end_time_unix_nano": 2, "name": "n"}
    export.resource_spans.add().scope_spans.add().spans.append(Span(**{**made, **members}))  # type: ignore[arg-type]
    return export


def export_as_a_service_does(url: str) -> None:
    """Send spans by the exporter that services use, without the reticence that they have."""
    provider = TracerProvider(resource=Resource.create({"service.name": "laurel-issuer"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces")))
    tracer = provider.get_tracer("test")
    attributes = {"laurel.credential_id": BADGE, "http.url": f"https://x.example/?of={PLANTED}"}
    with tracer.start_as_current_span("POST /v1/credentials", attributes=attributes) as span:
        span.record_exception(ValueError(PLANTED))
        span.set_status(span.status.status_code.ERROR, PLANTED)
        with tracer.start_as_current_span("n" * 500, attributes={"laurel.reason": "r" * 5000}):
            pass
    provider.shutdown()


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_a_real_exporters_spans_are_kept_with_allowed_attributes_alone(
    console: httpx.AsyncClient, tmp_path: Path
) -> None:
    await asyncio.to_thread(export_as_a_service_does, str(console.base_url).rstrip("/"))
    answer = await console.get(f"/v1/traces/{BADGE}", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200, answer.text
    (trace,) = answer.json()["traces"]
    first, below = trace["spans"]
    assert (first["service"], first["name"], first["depth"], first["status"]) == (
        "issuer", "POST /v1/credentials", 0, "error",
    )  # fmt: skip
    assert first["attributes"] == {"laurel.credential_id": BADGE}
    assert (below["parent_id"], below["depth"]) == (first["span_id"], 1)
    assert (len(below["name"]), len(below["attributes"]["laurel.reason"])) == (120, 200)
    assert PLANTED.encode() not in await asyncio.to_thread(all_bytes, tmp_path)


async def test_the_answer_is_the_protocols_and_tells_of_what_could_not_be_taken(console: httpx.AsyncClient) -> None:
    good = await console.post("/v1/traces", content=an_export().SerializeToString(), headers=PROTOBUF)
    assert (good.status_code, good.headers["content-type"]) == (200, "application/x-protobuf")
    assert ExportTraceServiceResponse.FromString(good.content) == ExportTraceServiceResponse()
    bad = await console.post("/v1/traces", content=an_export(span_id=b"short").SerializeToString(), headers=PROTOBUF)
    assert ExportTraceServiceResponse.FromString(bad.content).partial_success.rejected_spans == 1


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"\xff\xff no protobuf", PROTOBUF, 400),
        (an_export().SerializeToString()[:-1], PROTOBUF, 400),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"", {}, 415),
        (gzip.compress(an_export().SerializeToString()), {**PROTOBUF, "Content-Encoding": "gzip"}, 415),
    ],
    ids=["noise", "cut short", "json", "nothing", "gzip"],
)
async def test_what_is_no_export_is_refused(
    console: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int
) -> None:
    assert (await console.post("/v1/traces", content=content, headers=headers)).status_code == status


async def test_more_than_an_export_ever_has_is_refused() -> None:
    transport = httpx.ASGITransport(make_app(ConsoleSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        body = b"\0" * (MAX_BODY_BYTES + 1)
        assert (await client.post("/v1/traces", content=body, headers=PROTOBUF)).status_code == 413


@pytest.mark.parametrize(
    "members",
    [
        {"trace_id": b""},
        {"span_id": b"s" * 9},
        {"parent_span_id": b"p"},
        {"start_time_unix_nano": 0},
        {"start_time_unix_nano": 3},
        {"end_time_unix_nano": 2**64 - 1},
    ],
    ids=str,
)
def test_a_span_without_sound_ids_or_times_is_left_out(members: dict[str, object]) -> None:
    assert read(an_export(**members).SerializeToString()) == ([], 1)


def test_numbers_that_the_protocol_does_not_name_are_taken_as_unsaid() -> None:
    export = an_export()
    span = export.resource_spans[0].scope_spans[0].spans[0]
    span.kind = 99  # type: ignore[assignment]
    span.status.code = -7  # type: ignore[assignment]
    for value in (float("nan"), float("inf")):
        span.attributes.add(key="laurel.outcome").value.double_value = value
    ((taken,), rejected) = read(export.SerializeToString())
    assert (taken.kind, taken.status, taken.attributes, taken.service, rejected) == (
        "unspecified",
        "unset",
        {},
        "unknown",
        0,
    )
