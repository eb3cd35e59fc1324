"""Takes the one credential out of whatever file or text somebody hands over: JSON, a token, a baked PNG or SVG.

given = unpack(raw)
given.document or given.token
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from shared.credentials.baking import BLANKS, Baked, Generation
from shared.credentials.baking_png import SIGNATURE, read_png
from shared.credentials.baking_svg import read_svg
from shared.credentials.errors import CredentialError, InvalidPicture
from shared.credentials.strict_json import MAX_BYTES, read_json

Source = Literal["json", "jwt", "png", "svg", "qr"]

JPEG = b"\xff\xd8\xff"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A JSON object in base64url, as a token's header is, and whatever follows: what it is in truth, its reader tells.
_TOKEN = re.compile(r"e[wy][\w-]*\.[\w.~-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Given:
    """One credential: a JSON object, a signed token, or (Open Badges 2.0) its address; nothing is looked into yet.

    `generation` of Open Badges is what its place in a picture names, None outside of one.
    """

    document: dict[str, Any] | None
    token: str | None
    source: Source
    generation: Generation | None = None
    url: str | None = None


def is_picture(raw: bytes) -> bool:
    """Tell whether somebody would look for a badge in a picture: a PNG, a JPEG, or anything in XML."""
    return raw.startswith((SIGNATURE, JPEG)) or raw.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"<")


def unpack(raw: bytes) -> Given:
    """Return the credential that `raw` (up to 1 MiB) is or holds, told apart by its content.

    Raises CredentialError: `malformed`, `too_large`, `not_a_badge` (JSON that is no object), `format_not_read` (a JPEG,
    into which nothing can be baked), and as `read_png` and `read_svg` do.
    """
    if len(raw) > MAX_BYTES:
        raise CredentialError(f"The file is larger than {MAX_BYTES} bytes.", "too_large")
    if raw.startswith(SIGNATURE):
        return _inside(read_png(raw), "png")
    if raw.startswith(JPEG):
        raise InvalidPicture("This is a picture (JPEG) that shows no QR code of a badge.", "format_not_read")
    if is_picture(raw):
        return _inside(read_svg(raw), "svg")
    text = raw.strip(BLANKS.encode()).decode("latin-1")  # of any bytes; a token has none but ASCII
    if _TOKEN.fullmatch(text):
        return Given(None, text, "jwt")
    return Given(_object(raw), None, "json")


def _inside(baked: Baked, source: Source) -> Given:
    text = baked.text.strip(BLANKS)
    if _TOKEN.fullmatch(text):
        return Given(None, text, source, baked.generation)
    if text.startswith(("http://", "https://")):
        if baked.generation != "2.0":
            raise InvalidPicture("The picture names the address of a badge; the badge is not in it.", "no_badge_inside")
        return Given(None, None, source, baked.generation, url=text)
    return Given(_object(text.encode()), None, source, baked.generation)


def _object(raw: bytes) -> dict[str, Any]:
    document = read_json(raw)
    if not isinstance(document, dict):
        raise CredentialError("This is JSON, but no badge: a badge is one JSON object.", "not_a_badge")
    return document
