"""Multibase: base58btc (`z`) for keys and proofs, base64url without padding (`u`) for status lists."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from shared.credentials.errors import InvalidKey, InvalidStatusList

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Two digits at a time: half as many steps.
_PAIRS = [high + low for high in _BASE58 for low in _BASE58]
_PAIR_VALUES = {pair: value for value, pair in enumerate(_PAIRS)}
_TEN_DIGITS = 58**10  # ten at a time where the number is long: what is left of them is a short one
_MAX_BASE58 = 1_024  # a key or a signature has about 90; the conversion is quadratic
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
    if not text.startswith("z") or len(text) > _MAX_BASE58:
        raise InvalidKey("The value is not multibase base58btc.")
    digits = text[1:] if len(text) % 2 else "1" + text[1:]
    number = 0
    try:
        for place in range(0, len(digits), 2):
            number = number * 3364 + _PAIR_VALUES[digits[place : place + 2]]
    except KeyError:
        raise InvalidKey("The value is not multibase base58btc.") from None
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
