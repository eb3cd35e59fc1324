"""Pictures of QR codes: as programs save them, and as a telephone takes them."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import segno
from PIL import Image

from shared.credentials.baking_png import SIGNATURE


def qr_png(text: str, **how: Any) -> bytes:
    """A PNG of one QR code, as segno draws it."""
    drawn = BytesIO()
    segno.make_qr(text).save(drawn, kind="png", **{"scale": 6, **how})
    return drawn.getvalue()


def photograph(text: str, change: Callable[[Image.Image], Image.Image] = lambda picture: picture) -> bytes:
    """A JPEG of one QR code, turned a little in front of a grey wall."""
    code = Image.open(BytesIO(qr_png(text))).convert("L")
    taken = Image.new("L", (code.width * 2, code.height * 2), 140)
    taken.paste(code.rotate(8, expand=True, fillcolor=140), (code.width // 3, code.height // 4))
    return saved(change(taken), "JPEG")


def saved(picture: Image.Image, kind: str) -> bytes:
    """A picture's file."""
    file = BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def side_by_side(*pictures: bytes) -> bytes:
    """A PNG that shows several."""
    opened = [Image.open(BytesIO(each)).convert("L") for each in pictures]
    wall = Image.new("L", (sum(each.width for each in opened), max(each.height for each in opened)), 255)
    for place, each in enumerate(opened):
        wall.paste(each, (sum(other.width for other in opened[:place]), 0))
    file = saved(wall, "PNG")
    assert file.startswith(SIGNATURE)
    return file
