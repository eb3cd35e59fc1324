"""Reads the one QR code that a picture shows. Only a check process does so, under its bounds of time and memory."""

import struct
import zlib
from io import BytesIO

import zxingcpp
from PIL import Image

from shared.credentials.errors import InvalidPicture

# Photographs of today's telephones are larger; whoever sends one to somebody sends no more than this.
MAX_SIDE = 4096
_QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


def text_in(raw: bytes) -> str | None:
    """Return what the QR code in a PNG or JPEG says; None where none is found, or no picture of such a size can be.

    Raises InvalidPicture (`ambiguous_badge`) where the picture shows several.
    """
    try:
        with Image.open(BytesIO(raw), formats=("PNG", "JPEG")) as picture:
            grey = _in_grey(picture) if max(picture.size) <= MAX_SIDE else None
    except _UNREADABLE:
        return None
    found = zxingcpp.read_barcodes(grey, formats=_QR) if grey else []
    if len(found) > 1:
        raise InvalidPicture("The picture shows more than one QR code.", "ambiguous_badge")
    return found[0].text if found else None


def _in_grey(picture: Image.Image) -> Image.Image:
    """Return the picture in shades of grey, on white paper where it lets something shine through."""
    picture.draft("L", picture.size)
    if not picture.has_transparency_data:
        return picture.convert("L")
    drawn = picture.convert("RGBA").convert("LA")
    paper = Image.new("L", drawn.size, 255)
    paper.paste(drawn.getchannel("L"), mask=drawn.getchannel("A"))
    return paper
