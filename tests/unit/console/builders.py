"""Spans for tests, each with ids of its own."""

from typing import Any
from uuid import uuid4

from console.spans import Span, Trace

BADGE = "6c1a2a3e-59bb-4c5f-9f4b-2b8f6b7a1c11"
OTHER = "0d5f0a52-8f6c-4e0e-a9a3-5f2f0c1d2e22"
SECOND = 1_000_000_000


def span(trace_id: str | None = None, **members: Any) -> Span:
    """A span of a badge, unless `attributes` say otherwise."""
    made = {
        "trace_id": trace_id or uuid4().hex,
        "span_id": uuid4().hex[:16],
        "parent_id": None,
        "service": "issuer",
        "name": "work",
        "kind": "internal",
        "start_ns": SECOND,
        "end_ns": 2 * SECOND,
        "status": "unset",
        "attributes": {"laurel.credential_id": BADGE},
    }
    return Span(**{**made, **members})


def trace(*spans: Span, verifies: bool = False) -> Trace:
    """A trace of these spans."""
    return Trace("a" * 32, verifies, spans)
