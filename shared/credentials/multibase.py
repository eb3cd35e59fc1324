"""Multibase: base58btc (`z`) for keys and proofs, base64url without padding (`u`) for status lists."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from shared.credentials.errors import InvalidKey, InvalidStatusList

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {character: digit for digit, character in enumerate(_BASE58)}
_MAX_BASE58 = 1_024  # a key or a signature has about 90; the conversion is quadratic
_BASE64URL = re.compile(r"u[A-Za-z0-9_-]*")


def encode_base58(raw: bytes) -> str:
    """Return bytes as multibase base58btc, `z` first."""
    number = int.from_bytes(raw)
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_BASE58[digit])
    leading_zeros = len(raw) - len(raw.lstrip(b"\0"))
    return "z" + "1" * leading_zeros + "".join(reversed(digits))


def decode_base58(text: str) -> bytes:
    """Return the bytes of multibase base58btc; raises InvalidKey for any other text."""
    if not text.startswith("z") or len(text) > _MAX_BASE58:
        raise InvalidKey("The value is not multibase base58btc.")
    number = 0
    for character in text[1:]:
        if character not in _DIGITS:
            raise InvalidKey("The value is not multibase base58btc.")
        number = number * 58 + _DIGITS[character]
    leading_zeros = len(text) - 1 - len(text[1:].lstrip("1"))
    return b"\0" * leading_zeros + number.to_bytes((number.bit_length() + 7) // 8)


def encode_base64url(raw: bytes) -> str:
    """Return bytes as multibase base64url without padding, `u` first."""
    return "u" + urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """Return the bytes of multibase base64url without padding; raises InvalidStatusList for any other text."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 2:
        raise InvalidStatusList("The list is not multibase base64url.")
    return urlsafe_b64decode(text[1:] + "=" * (-(len(text) - 1) % 4))
