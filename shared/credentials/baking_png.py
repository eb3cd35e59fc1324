"""Badges in PNG pictures: one iTXt chunk holds the credential. The pixels are never decoded.

Source: Open Badges 3.0, section "Baked Badge", PNG; Portable Network Graphics (Third Edition), sections 5.3 and
11.3.3.4.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from shared.credentials.baking import Baked, Generation, refuse_other_content
from shared.credentials.errors import InvalidPicture
from shared.credentials.strict_json import MAX_BYTES

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Encoders write chunks of 8 KiB and more, which makes 128 of them in the largest picture that is read.
MAX_CHUNKS = 4096
_IHDR_BYTES = 13
_KEYWORDS: dict[bytes, Generation] = {b"openbadgecredential": "3.0", b"openbadges": "2.0"}


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    data: bytes
    end: int


def bake_png(picture: bytes, content: str) -> bytes:
    """Return a PNG with a credential (JSON or compact JWS) in it; everything else of it stays as it is.

    The chunk comes right behind the header, where readers find it without the pixels. Raises InvalidPicture
    (`malformed_picture`, `too_large`, `already_baked`) and as `refuse_other_content` does.
    """
    refuse_other_content(content)
    header, *others = _chunks(picture)
    if any(_generation(chunk) for chunk in others):
        raise InvalidPicture("The picture holds a badge already.", "already_baked")
    # Behind the keyword: not compressed (two bytes), no language tag, no translated keyword.
    chunk = _packed(b"iTXt", b"openbadgecredential\0" + b"\0\0" + b"\0" + b"\0" + content.encode())
    return picture[: header.end] + chunk + picture[header.end :]


def read_png(raw: bytes) -> Baked:
    """Return what the one badge chunk of a PNG holds, compressed or not, up to 1 MiB of it.

    Raises InvalidPicture: `no_badge_inside`, `ambiguous_badge` (two of them, of whatever generation), `too_large`, or
    `malformed_picture` for what is no whole PNG with right checksums and nothing behind its end.
    """
    found = [(chunk, generation) for chunk in _chunks(raw) if (generation := _generation(chunk))]
    if not found:
        raise InvalidPicture("The picture holds no badge.", "no_badge_inside")
    if len(found) > 1:
        raise InvalidPicture("The picture holds more than one badge.", "ambiguous_badge")
    chunk, generation = found[0]
    return Baked(_text(chunk.data.partition(b"\0")[2]), generation)


def is_png(picture: bytes) -> bool:
    """Tell whether a picture is a PNG by its first bytes."""
    return picture.startswith(SIGNATURE)


def size_of(picture: bytes) -> tuple[int, int]:
    """Return a PNG's width and height in pixels, as its header has them; raises InvalidPicture."""
    header = next(_chunks(picture))
    width, height = int.from_bytes(header.data[:4]), int.from_bytes(header.data[4:8])
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise InvalidPicture("The picture has no size.")
    return width, height


def _chunks(raw: bytes) -> Iterator[_Chunk]:
    """Every chunk, from IHDR to IEND."""
    if not raw.startswith(SIGNATURE):
        raise InvalidPicture("This is no PNG.")
    place = len(SIGNATURE)
    for number in range(MAX_CHUNKS):
        chunk = _chunk_at(raw, place)
        is_header = chunk.kind == b"IHDR"
        if is_header != (number == 0) or (is_header and len(chunk.data) != _IHDR_BYTES):
            raise InvalidPicture("The picture has its header in the wrong place, or none.")
        yield chunk
        place = chunk.end
        if chunk.kind == b"IEND":
            break
    else:
        raise InvalidPicture(f"The picture is made of more than {MAX_CHUNKS} parts.", "too_large")
    if chunk.data or place != len(raw):
        raise InvalidPicture("Something stands behind the picture's end.")


def _chunk_at(raw: bytes, place: int) -> _Chunk:
    length, kind = int.from_bytes(raw[place : place + 4]), raw[place + 4 : place + 8]
    end = place + 12 + length
    if end > len(raw):
        raise InvalidPicture("The picture ends before its end: a part of it is missing.")
    if not kind.isalpha():
        raise InvalidPicture("A part of the picture has no name.")
    if zlib.crc32(raw[place + 4 : end - 4]) != int.from_bytes(raw[end - 4 : end]):
        raise InvalidPicture("The picture is damaged: a checksum is wrong.")
    return _Chunk(kind, raw[place + 8 : end - 4], end)


def _generation(chunk: _Chunk) -> Generation | None:
    return _KEYWORDS.get(chunk.data.partition(b"\0")[0]) if chunk.kind == b"iTXt" else None


def _text(described: bytes) -> str:
    """The text of an iTXt chunk behind its keyword: compression flag and method, language, translated keyword, text."""
    flag, method = described[:1], described[1:2]
    _, language_ends, rest = described[2:].partition(b"\0")
    _, keyword_ends, text = rest.partition(b"\0")
    if not (language_ends and keyword_ends and (flag == b"\0" or flag + method == b"\x01\0")):
        raise InvalidPicture("The badge in the picture is not stored as a text is.")
    try:
        return (text if flag == b"\0" else _inflated(text)).decode()
    except UnicodeDecodeError as error:
        raise InvalidPicture("The badge in the picture is no text in UTF-8.") from error


def _inflated(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, MAX_BYTES + 1)
    except zlib.error as error:
        raise InvalidPicture("The badge in the picture can't be unpacked.") from error
    if len(text) > MAX_BYTES:
        raise InvalidPicture(f"The badge in the picture is larger than {MAX_BYTES} bytes.", "too_large")
    if not unpacker.eof or unpacker.unused_data:
        raise InvalidPicture("The badge in the picture can't be unpacked.")
    return text


def _packed(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
