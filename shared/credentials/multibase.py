"""Multibase: base58btc (`z`) for keys and proofs, base64url without padding (`u`) for status lists."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from shared.credentials.errors import InvalidKey, InvalidStatusList

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS = [high + low for high in _BASE58 for low in _BASE58]  # two digits at a time: half as many steps
_TEN_DIGITS = 58**10  # what is left of ten digits fits a machine word, so that dividing it on is cheap
_NO_DIGIT = 0xFF
_VALUES = bytes(_BASE58.index(chr(code)) if chr(code) in _BASE58 else _NO_DIGIT for code in range(256))
_MAX_BASE58 = 1_024  # a key or a signature has about 90; the conversion is quadratic
# For joining neighbours: every other field of 8, 16, 32 ... bits.
_FIELDS = [
    (bits, int.from_bytes((bytes(bits // 8) + b"\xff" * (bits // 8)) * (512 * 8 // bits)))
    for bits in (8 << level for level in range(10))
]
_BASE64URL = re.compile(r"u[A-Za-z0-9_-]*")


def encode_base58(raw: bytes) -> str:
    """Return bytes as multibase base58btc, `z` first."""
    number = int.from_bytes(raw)
    pairs = []
    while number:
        number, ten = divmod(number, _TEN_DIGITS)
        for _ in range(5):
            ten, pair = divmod(ten, 3364)
            pairs.append(_PAIRS[pair])
    leading_zeros = len(raw) - len(raw.lstrip(b"\0"))
    pairs.reverse()
    return "z" + "1" * leading_zeros + "".join(pairs).lstrip("1")


def decode_base58(text: str) -> bytes:
    """Return the bytes of multibase base58btc; raises InvalidKey for any other text."""
    digits = text[1 : _MAX_BASE58 + 1].encode(errors="replace").translate(_VALUES)
    if not text.startswith("z") or len(text) > _MAX_BASE58 or _NO_DIGIT in digits:
        raise InvalidKey("The value is not multibase base58btc.")
    number = _joined(digits)
    leading_zeros = len(digits) - len(digits.lstrip(b"\0"))
    return b"\0" * leading_zeros + number.to_bytes((number.bit_length() + 7) // 8)


def _joined(digits: bytes) -> int:
    """The number that digits of base 58 write: each step joins every digit with its neighbour, all at once."""
    number = int.from_bytes(digits)
    base = 58
    for bits, fields in _FIELDS:
        if bits >= 8 * len(digits):
            break
        number = (number >> bits & fields) * base + (number & fields)
        base *= base
    return number


def encode_base64url(raw: bytes) -> str:
    """Return bytes as multibase base64url without padding, `u` first."""
    return "u" + urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """Return the bytes of multibase base64url without padding; raises InvalidStatusList for any other text."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 2:
        raise InvalidStatusList("The list is not multibase base64url.")
    return urlsafe_b64decode(text[1:] + "=" * (-(len(text) - 1) % 4))
