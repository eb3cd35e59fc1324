"""Server-sent events as they come over the wire (WHATWG HTML, section 9.2.6)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Event:
    """One event: its type, `message` where none was sent, and its data."""

    type: str
    data: str


def read_events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events in a stream of bytes, each as soon as its empty line has come.

    Comments, `id` and `retry` are passed over; an event that was cut off half-way is none.
    """
    kind, data = "", list[str]()
    for line in _lines(chunks):
        if not line:
            if data:
                yield Event(kind or "message", "\n".join(data))
            kind, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Cut at CR, LF and CRLF alone: `str.splitlines` would cut inside of data."""
    rest = b""
    for chunk in chunks:
        # A CR at the end may be half of a CRLF.
        held = b"\r" if (rest + chunk).endswith(b"\r") else b""
        *whole, rest = _END.split((rest + chunk).removesuffix(held))
        rest += held
        yield from (line.decode("utf-8", "replace") for line in whole)
