"""Pictures to bake into and to read: small PNGs made chunk by chunk, and SVGs around an element."""

import zlib
from struct import pack

SIGNATURE = b"\x89PNG\r\n\x1a\n"
IEND = pack(">I", 0) + b"IEND" + pack(">I", zlib.crc32(b"IEND"))


def chunk(kind: bytes, data: bytes = b"", crc: int | None = None) -> bytes:
    """One chunk of a PNG; its checksum is right unless another is given."""
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data) if crc is None else crc)


def header(width: int = 1, height: int = 1) -> bytes:
    """The first chunk of a PNG in grey."""
    return chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def a_png(*chunks: bytes, width: int = 1, height: int = 1, behind: bytes = b"") -> bytes:
    """A PNG of one grey pixel, whatever size it claims, with further chunks before and something behind its end."""
    pixels = chunk(b"IDAT", zlib.compress(b"\0\x80"))
    return SIGNATURE + header(width, height) + b"".join(chunks) + pixels + IEND + behind


def itxt(text: bytes, keyword: bytes = b"openbadgecredential", described: bytes = b"\0\0\0\0") -> bytes:
    """An iTXt chunk; `described` stands between keyword and text."""
    return chunk(b"iTXt", keyword + b"\0" + described + text)


def compressed(text: bytes, keyword: bytes = b"openbadgecredential") -> bytes:
    """A compressed iTXt chunk."""
    return itxt(zlib.compress(text, 9), keyword, b"\1\0\0\0")


def an_svg(*inside: str, root: str = "") -> bytes:
    """An SVG with elements of the Open Badges namespace, under its usual prefix."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="https://purl.imsglobal.org/ob/v3p0"{root}>'
        f"{''.join(inside)}<path d='M0 0'/></svg>"
    ).encode()


def credential(text: str, attributes: str = "") -> str:
    """The element that holds a credential."""
    return f"<openbadges:credential{attributes}><![CDATA[{text}]]></openbadges:credential>"
