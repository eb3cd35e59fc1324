"""Writes mails out (RFC 5322, MIME): headers as they are given, and parts that nothing in them can end.

Python's email package reads each header before it writes it: it turns encoded words (RFC 2047) into what they stand
for, line breaks too, and forgets quotes when it folds, so that a name could add headers, a body or another sender. And
it reads them again whenever it looks at them, which took most of a mail's time.
"""

from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Sequence

Header = tuple[str, str]

_LINE = 76  # of what is encoded (RFC 2045 sections 6.7 and 6.8)
_BASE64_GROWTH = 1.4  # 4 characters for 3, and line breaks
# Of a boundary: neither encoding writes it, so no part needs to be searched for its boundary (RFC 2045 section 6.7).
_NEVER_ENCODED = "=_"


def message(headers: Sequence[Header], body: bytes) -> bytes:
    """Return a mail: its headers, and its body as `text`, `attachment` or `multipart` return one.

    Raises ValueError where a header is not ASCII, or has a line break that is no fold (RFC 5322 section 2.2.3).
    """
    return _lines([*headers, ("MIME-Version", "1.0")]) + body


def multipart(subtype: str, *parts: bytes) -> bytes:
    """Return several parts as one (RFC 2046 section 5.1)."""
    boundary = f"{_NEVER_ENCODED}{subtype}"
    between = f"\r\n--{boundary}\r\n".encode()
    head = _lines([("Content-Type", f'multipart/{subtype}; boundary="{boundary}"')])
    return b"".join([head, *(each for part in parts for each in (between, part)), f"\r\n--{boundary}--\r\n".encode()])


def text(content: str, subtype: str = "plain") -> bytes:
    """Return a part of text, for servers of every kind in ASCII: as base64 where much of it is none."""
    lines = [*content.encode().splitlines(), b""]
    raw = b"\r\n".join(lines)
    kind, quoted = f'text/{subtype}; charset="utf-8"', b2a_qp(raw)
    if len(quoted) > _BASE64_GROWTH * len(raw):
        return _part(kind, "base64", _base64(raw))
    return _part(kind, "quoted-printable", quoted)


def attachment(content: bytes, kind: str, filename: str) -> bytes:
    """Return a part of type `kind` for a file."""
    return _part(kind, "base64", _base64(content), ("Content-Disposition", f'attachment; filename="{filename}"'))


def _part(kind: str, encoding: str, encoded: bytes, *more: Header) -> bytes:
    return _lines([("Content-Type", kind), ("Content-Transfer-Encoding", encoding), *more]) + b"\r\n" + encoded


def _base64(content: bytes) -> bytes:
    encoded = b64encode(content)
    return b"\r\n".join(encoded[start : start + _LINE] for start in range(0, len(encoded), _LINE))


def _lines(headers: Sequence[Header]) -> bytes:
    for name, value in headers:
        unfolded = value.replace("\r\n ", "")
        if "\r" in unfolded or "\n" in unfolded:
            raise ValueError(f"a line break in the header {name}")
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("ascii")
