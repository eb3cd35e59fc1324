"""The picture of a badge: an upload made harmless, or one drawn from a template; at most 256 KiB, as PNG or SVG."""

import asyncio
import colorsys
import math
import struct
import textwrap
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont, ImageOps

from services.issuer.svg_images import MAX_BYTES, sanitised
from shared.errors import Invalid, TooLarge

MAX_SIDE = 4096  # of an upload: 16 million pixels are 64 MiB while they are looked at
SIDES = (512, 400, 320, 256, 192, 128)  # of what is kept: the first that fits into MAX_BYTES
SVG = "image/svg+xml"
_PIXELS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
TYPES = (*_PIXELS, SVG)
# Uploads decoded at a time: some kilobytes of a single colour are 64 MiB of pixels.
_DECODING = asyncio.Semaphore(2)
DEFAULT_COLOR = "#1f5f8b"

# What Pillow's decoders raise for broken files.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, Image.DecompressionBombError)


async def normalised(upload: bytes, media_type: str) -> bytes:
    """Decode an upload of one of TYPES and return its pixels, and nothing else of it, as PNG; an SVG as an SVG.

    Raises Invalid (`image_unreadable`, `image_not_harmless`), TooLarge (`image_too_large`: more than 4096 pixels a
    side, or an SVG of more than 256 KiB).
    """
    async with _DECODING:
        if media_type == SVG:
            return await asyncio.to_thread(sanitised, upload)
        return await asyncio.to_thread(_normalised, upload, _PIXELS[media_type])


async def drawn(title: str, color: str | None) -> bytes:
    """Return a badge with `title` on a ground of `color` (`#rrggbb`), as PNG."""
    return await asyncio.to_thread(_drawn, title, color or DEFAULT_COLOR)


def _normalised(upload: bytes, kind: str) -> bytes:
    try:
        with Image.open(BytesIO(upload), formats=[kind]) as image:
            if max(image.size) > MAX_SIDE:
                raise TooLarge("image_too_large", f"An image has at most {MAX_SIDE} pixels a side.")
            # Made small before anything else is made of it: a side has at most as many pixels as are kept.
            image.thumbnail((SIDES[0], SIDES[0]))
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except _BROKEN as error:
        raise Invalid("image_unreadable", f"This is not a readable {kind} image.") from error
    for side in SIDES:
        png = _png(_within(upright, side))
        if len(png) <= MAX_BYTES:
            return png
    raise TooLarge("image_too_large", f"The image does not fit into {MAX_BYTES} bytes.")  # 128 x 128 x 4 bytes do


def _within(image: Image.Image, side: int) -> Image.Image:
    small = image.copy()
    small.thumbnail((side, side))
    return small


def _png(image: Image.Image) -> bytes:
    # Onto a new image, because the old one carries what else stood in the file: places, names, thumbnails.
    clean = Image.new("RGBA", image.size)
    clean.paste(image)
    out = BytesIO()
    clean.save(out, "PNG", optimize=True)
    return out.getvalue()


def _drawn(title: str, color: str) -> bytes:
    side, center = 800, 400
    image = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(image)
    draw.polygon(_rosette(center, 390, 360, 24), fill=_darker(color))
    draw.ellipse((70, 70, 730, 730), fill=color, outline="white", width=10)
    lines = textwrap.wrap(title, 16, max_lines=4, placeholder=" …") or [title]
    font = ImageFont.load_default(min(84, 900 // max(map(len, lines))))
    draw.multiline_text((center, center), "\n".join(lines), "white", font, "mm", spacing=14, align="center")
    return _png(image.resize((400, 400)))


def _rosette(center: int, outer: int, inner: int, points: int) -> list[tuple[float, float]]:
    corners = []
    for step in range(points * 2):
        radius = outer if step % 2 == 0 else inner
        angle = math.pi * step / points
        corners.append((center + radius * math.cos(angle), center + radius * math.sin(angle)))
    return corners


def _darker(color: str) -> str:
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    return "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, lightness * 0.7, saturation))
