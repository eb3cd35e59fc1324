"""Reading foreign JSON so that every reader of it would understand the same document."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from shared.credentials.errors import MalformedJson
from shared.credentials.walking import within

MAX_BYTES = 1024 * 1024  # as much as is fetched from anybody
MAX_DEPTH = 64  # a real badge has about 10; the recursive readers below stay far from Python's limit
MAX_INTEGER = 2**53 - 1  # beyond it readers disagree (RFC 7493 section 2.2), and RFC 8785 has no form
# Possessive, and an unended string reaches to the end: no byte is looked at twice, whatever is sent.
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def read_json(raw: bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """Return the value of a UTF-8 JSON text as I-JSON (RFC 7493) has it.

    Raises MalformedJson, code `too_large` or `malformed`: no byte order mark, no duplicate member names, no
    NaN, Infinity or number that overflows, no integer beyond 2^53, no lone surrogate, no NUL, depth up to 64.
    """
    if len(raw) > max_bytes:
        raise MalformedJson(f"The document is larger than {max_bytes} bytes.", "too_large")
    _refuse_depth(raw)
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique_members,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_interoperable,
        )
    except MalformedJson:
        raise
    except ValueError as error:
        raise MalformedJson("The document is not JSON in UTF-8.") from error
    # As bytes neither gets past the decoder and the parser; only an escape can bring one in.
    if b"\\u" in raw and any("\x00" in text or _has_surrogate(text) for text in _strings(value)):
        raise MalformedJson("A string contains NUL or half of a surrogate pair.")
    return value


def _refuse_depth(raw: bytes) -> None:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:  # those in strings counted too
        return
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedJson(f"The document is nested deeper than {MAX_DEPTH} levels.")
        elif first in b"]}":
            depth -= 1


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("An object names the same member twice.")
    return members


def _refuse_constant(name: str) -> Any:
    raise MalformedJson(f"{name} is not a JSON number.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise MalformedJson("A number is too large.")
    return number


def _interoperable(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise MalformedJson("An integer is larger than 2^53.")
    return int(digits)


def _strings(document: Any) -> Iterator[str]:
    for _, value in within(document):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from value


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
