"""Base64 and decimal numbers as the C2SP formats write them: each value in one way only."""

import re
from base64 import b64decode, b64encode

from shared.transparency.merkle import HASH_SIZE, MAX_SIZE

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def write_base64(value: bytes) -> str:
    """Return bytes as standard base64 (RFC 4648 section 4)."""
    return b64encode(value).decode()


def read_base64(text: str) -> bytes | None:
    """Return the bytes that a standard base64 text stands for, or None if no bytes are written as that text."""
    try:
        value = b64decode(text, validate=True)
    except ValueError:
        return None
    return value if write_base64(value) == text else None


def read_hash(text: str) -> bytes | None:
    """Return a SHA-256 hash from its base64, or None if it is none."""
    value = read_base64(text)
    return value if value is not None and len(value) == HASH_SIZE else None


def read_number(text: str) -> int | None:
    """Return a number from 0 to 2**63 - 1 without leading zeros, or None if it is none."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        return None
    return int(text)
