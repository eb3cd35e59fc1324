"""Multibase: base58btc (`z`) for keys and proofs, base64url without padding (`u`) for status lists."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from shared.credentials.errors import InvalidKey, InvalidStatusList

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_NO_DIGIT = 0xFF
_VALUES = bytes(_BASE58.index(chr(code)) if chr(code) in _BASE58 else _NO_DIGIT for code in range(256))
_DIGITS = bytes(_BASE58.encode() + bytes(256 - 58))
_MAX_BASE58 = 1_024  # a key or a signature has about 90
_MAX_ENCODED = 700  # bytes, which are less than 1,024 digits
# Bases are changed by halves, all fields of a long integer at once. For 1, 2, 4 ... 512 digits: how many bits a field
# has for them, every other such field, and the power of 58 by which two of them are joined.
_JOINING = [
    (8 * half, int.from_bytes((bytes(half) + b"\xff" * half) * (512 // half)), 58**half)
    for half in (1 << level for level in range(10))
]


def _splitting(half: int) -> tuple[int, int, int, int]:
    """How fields of twice as many digits are split: by multiplying with the reciprocal of a power of 58."""
    power = 58**half
    size = power.bit_length()
    reciprocal = (1 << 3 * size) // power + 1  # exact for numbers below the power's square
    quotients = sum((1 << size) - 1 << 32 * half * field for field in range(512 // half))
    return reciprocal, 3 * size, quotients, (1 << 16 * half) - power


_SPLITTING = [_splitting(1 << level) for level in range(10)]
_BASE64URL = re.compile(r"u[A-Za-z0-9_-]*")


def encode_base58(raw: bytes) -> str:
    """Return bytes as multibase base58btc, `z` first; raises ValueError beyond 700 bytes, which no key has."""
    if len(raw) > _MAX_ENCODED:
        raise ValueError("That is too long for base58.")
    leading_zeros = len(raw) - len(raw.lstrip(b"\0"))
    digits = _split(int.from_bytes(raw)).lstrip(b"\0")
    return f"z{'1' * leading_zeros}{digits.translate(_DIGITS).decode()}"


def decode_base58(text: str) -> bytes:
    """Return the bytes of multibase base58btc; raises InvalidKey for any other text."""
    digits = text[1 : _MAX_BASE58 + 1].encode(errors="replace").translate(_VALUES)
    if not text.startswith("z") or len(text) > _MAX_BASE58 or _NO_DIGIT in digits:
        raise InvalidKey("The value is not multibase base58btc.")
    number = _joined(digits)
    leading_zeros = len(digits) - len(digits.lstrip(b"\0"))
    return b"\0" * leading_zeros + number.to_bytes((number.bit_length() + 7) // 8)


def _split(number: int) -> bytes:
    """The digits of base 58 that write a number, after as many zeros as make them 1, 2, 4 ... digits."""
    level = (number.bit_length() * 10 // 58).bit_length()  # a digit has 5.86 bits
    for reciprocal, shift, quotients, rest in reversed(_SPLITTING[:level]):
        number += (number * reciprocal >> shift & quotients) * rest
    return number.to_bytes(2 << level)[1::2]


def _joined(digits: bytes) -> int:
    """The number that digits of base 58 write."""
    number = int.from_bytes(digits)
    for bits, fields, power in _JOINING:
        if bits >= 8 * len(digits):
            break
        number = (number >> bits & fields) * power + (number & fields)
    return number


def encode_base64url(raw: bytes) -> str:
    """Return bytes as multibase base64url without padding, `u` first."""
    return "u" + urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """Return the bytes of multibase base64url without padding; raises InvalidStatusList for any other text."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 2:
        raise InvalidStatusList("The list is not multibase base64url.")
    return urlsafe_b64decode(text[1:] + "=" * (-(len(text) - 1) % 4))
