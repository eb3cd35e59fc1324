"""Bitstring Status List 1.0: the list credential, its bits, and the entry that a badge carries."""

import zlib
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.credentials.contexts import CREDENTIALS_V2
from shared.credentials.errors import InvalidStatusList
from shared.credentials.instants import write_instant
from shared.credentials.multibase import decode_base64url, encode_base64url

Purpose = Literal["revocation", "suspension"]

MIN_BITS = 131_072  # the standard's minimum: in a short list a reader's fetch would tell whose badge is being checked
MAX_BYTES = 16 * 1024 * 1024  # 134 million entries; a bomb of 255 kB unpacks to 256 MiB
_GZIP = 16 + zlib.MAX_WBITS


def get_bit(bits: bytes | bytearray, index: int) -> bool:
    """Tell whether an entry is set; index 0 is the left-most bit. Raises InvalidStatusList out of range."""
    _refuse_out_of_range(bits, index)
    return bool(bits[index // 8] & 0x80 >> index % 8)


def set_bit(bits: bytearray, index: int, value: bool = True) -> None:
    """Set or clear an entry in place; raises InvalidStatusList out of range."""
    _refuse_out_of_range(bits, index)
    if value:
        bits[index // 8] |= 0x80 >> index % 8
    else:
        bits[index // 8] &= ~(0x80 >> index % 8)


def set_indexes(bits: bytes | bytearray) -> list[int]:
    """Return the entries that are set, in their order."""
    return [place * 8 + bit for place, byte in enumerate(bits) if byte for bit in range(8) if byte & 0x80 >> bit]


def encode_list(bits: bytes | bytearray) -> str:
    """Return bits as `encodedList` has them: GZIP, then multibase base64url (section 3.3); same bits, same text."""
    if len(bits) * 8 < MIN_BITS:
        raise InvalidStatusList(f"A status list has at least {MIN_BITS} entries.")
    packer = zlib.compressobj(level=6, wbits=_GZIP)
    return encode_base64url(packer.compress(bits) + packer.flush())


def decode_list(encoded: object) -> bytes:
    """Return the bits of an `encodedList`, in bounded memory.

    Raises InvalidStatusList: code `status_unverifiable` beyond 16 MiB, else `status_invalid`.
    """
    if not isinstance(encoded, str):
        raise InvalidStatusList("The list is not a string.")
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        bits = unpacker.decompress(decode_base64url(encoded), MAX_BYTES + 1)
    except zlib.error as error:
        raise InvalidStatusList("The list is not GZIP.") from error
    if len(bits) > MAX_BYTES:
        raise InvalidStatusList("The list is larger than 16 MiB.", "status_unverifiable")
    if not unpacker.eof or unpacker.unused_data:
        raise InvalidStatusList("The list is cut off, or something follows it.")
    if len(bits) * 8 < MIN_BITS:
        raise InvalidStatusList(f"The list has fewer than {MIN_BITS} entries.")
    return bits


def status_entry(list_url: str, index: int, purpose: Purpose) -> dict[str, Any]:
    """Return the BitstringStatusListEntry of a badge; its id is never the list's own URL (section 2.1)."""
    return {
        "id": f"{list_url}#{index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": str(index),
        "statusListCredential": list_url,
    }


def status_list_credential(
    *,
    list_url: str,
    issuer: str,
    purpose: Purpose,
    bits: bytes | bytearray,
    valid_from: datetime,
    valid_until: datetime,
    ttl: timedelta,
) -> dict[str, Any]:
    """Return an unsigned BitstringStatusListCredential (section 2.2) for one purpose, given as a string.

    `ttl`, for how long a reader may keep the list, becomes milliseconds.
    """
    return {
        "@context": [CREDENTIALS_V2],
        "id": list_url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer,
        "validFrom": write_instant(valid_from),
        "validUntil": write_instant(valid_until),
        "credentialSubject": {
            "id": f"{list_url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose,
            "encodedList": encode_list(bits),
            "ttl": ttl // timedelta(milliseconds=1),
        },
    }


def _refuse_out_of_range(bits: bytes | bytearray, index: int) -> None:
    if not 0 <= index < len(bits) * 8:
        raise InvalidStatusList("The status index lies outside the list.")
