"""Server-sent events are read as the standard says, however the bytes are cut."""

import pytest

from cli.jobs.sse import Event, read_events

STREAM = (
    ": a comment, which keeps proxies awake\n\n"
    'data: {"a": 1}\n\n'
    "event: end\r\nid: 7\r\ndata: one\r\ndata:two\r\n\r\n"
    "retry: 10\r\rdata: \u2028 is no end of a line\r\r"
    "event: nothing\n\n"
    "data: ä\n\n"
    "data: cut off"
)
EVENTS = [
    Event("message", '{"a": 1}'),
    Event("end", "one\ntwo"),
    Event("message", "\u2028 is no end of a line"),
    Event("message", "ä"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_the_same_however_the_stream_is_cut(size: int) -> None:
    raw = STREAM.encode()
    assert list(read_events(raw[at : at + size] for at in range(0, len(raw), size))) == EVENTS


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    chunks = iter([b"data: 1\n\n", b"data: 2\n"])
    events = read_events(chunks)
    assert next(events).data == "1"
    assert next(chunks) == b"data: 2\n", "nothing was read ahead"
