"""Puts a trace's spans in the order in which a person reads them, and says in words what the trace was. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from console.spans import EVENT_TYPE, Span, Trace

MESSAGE = "messaging.message.id"
IN_LOG = "laurel.in_log_ms"
VERDICT = "laurel.verdict"
ISSUED, CHANGED = "laurel.credential.issued.v1", "laurel.credential.status-changed.v1"
# A change as the registry's history has it, or the route that asks for it, in words.
CHANGES = {"issued": "Issued", "suspended": "Suspended", "reinstated": "Reinstated", "revoked": "Revoked"}
ROUTES = {
    "POST /v1/credentials": "Issued",
    "POST /v1/credentials/batch": "Issued in a batch",
    "POST /v1/credentials/{credential_id}/revoke": "Revoked",
    "POST /v1/credentials/{credential_id}/suspend": "Suspended",
    "POST /v1/credentials/{credential_id}/reinstate": "Reinstated",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One span in its place: how deep below the first, and when (ms since the trace's first span began)."""

    span: Span
    depth: int
    offset_ms: float
    duration_ms: float


def waterfall(spans: Sequence[Span]) -> list[Line]:
    """Return every span once, below its parent, siblings by their starts; one whose parent is not here begins anew."""
    if not spans:
        return []
    began = min(each.start_ns for each in spans)
    return [
        Line(span, depth, _ms(span.start_ns - began), _ms(span.end_ns - span.start_ns))
        for span, depth in _depth_first(sorted(spans, key=lambda each: (each.start_ns, each.end_ns, each.span_id)))
    ]


def duration_ms(spans: Sequence[Span]) -> float:
    """Return the time from the first span's begin to the last one's end."""
    if not spans:
        return 0.0
    return _ms(max(each.end_ns for each in spans) - min(each.start_ns for each in spans))


def in_log(spans: Sequence[Span]) -> dict[str, float]:
    """Return, by span, for how long (ms) the record that it handles lay in the log: from the sending's end on."""
    sent = {
        each.attributes[MESSAGE]: each.end_ns
        for each in spans
        if each.kind == "producer" and MESSAGE in each.attributes
    }
    return {
        each.span_id: _ms(max(each.start_ns - sent[each.attributes[MESSAGE]], 0))
        for each in spans
        if each.kind == "consumer" and each.attributes.get(MESSAGE) in sent
    }


def title(trace: Trace, changes: Mapping[str, str]) -> str:
    """Say what happened in a trace; `changes` names, by trace, what the registry's history has."""
    if trace.verifies:
        verdicts = (str(each.attributes[VERDICT]) for each in trace.spans if VERDICT in each.attributes)
        verdict = next(verdicts, None)
        return f"Verified: {'not valid' if verdict == 'invalid' else verdict}" if verdict else "Verified"
    if (change := changes.get(trace.trace_id)) in CHANGES:
        return CHANGES[change]
    for span in trace.spans:
        if span.name in ROUTES:
            return ROUTES[span.name]
    told = {each.attributes.get(EVENT_TYPE) for each in trace.spans}
    if ISSUED in told:
        return CHANGES["issued"]
    return "Status changed" if CHANGED in told else "Told of"


def _depth_first(spans: Sequence[Span]) -> Iterator[tuple[Span, int]]:
    children: dict[str, list[Span]] = {}
    for each in spans:
        children.setdefault(each.parent_id or "", []).append(each)
    here = {each.span_id for each in spans}
    seen: set[str] = set()
    # Spans that are each other's parents, which only a forger sends, have no beginning: the earliest serves as one.
    beginnings = [each for each in spans if each.parent_id not in here] + list(spans)
    for beginning in beginnings:
        waiting = [(beginning, 0)]
        while waiting:
            span, depth = waiting.pop()
            if span.span_id in seen:
                continue
            seen.add(span.span_id)
            yield span, depth
            waiting += [(child, depth + 1) for child in reversed(children.get(span.span_id, ()))]


def _ms(ns: int) -> float:
    return round(ns / 1e6, 3)
