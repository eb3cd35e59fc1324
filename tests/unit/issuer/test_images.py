"""Pictures: whatever comes in, a PNG of at most 256 KiB goes out, or a refusal."""

import asyncio
import random
import resource
from io import BytesIO

import pytest
from PIL import Image

from services.issuer import images
from shared.errors import Invalid, LaurelError, TooLarge


def noise(side: int) -> bytes:
    out = BytesIO()
    Image.frombytes("RGB", (side, side), random.Random(1).randbytes(side * side * 3)).save(out, "PNG")
    return out.getvalue()


def opened(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png))


async def test_a_picture_that_does_not_compress_is_made_smaller_until_it_fits() -> None:
    png = await images.normalised(noise(900), "image/png")
    assert len(png) <= images.MAX_BYTES
    assert max(opened(png).size) in images.SIDES


async def test_a_small_picture_keeps_its_size() -> None:
    assert opened(await images.normalised(noise(100), "image/png")).size == (100, 100)


async def test_a_file_is_only_read_as_what_it_says_it_is() -> None:
    with pytest.raises(Invalid):
        await images.normalised(noise(10), "image/jpeg")


async def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    out = BytesIO()
    Image.new("1", (60_000, 60_000)).save(out, "PNG")
    with pytest.raises((TooLarge, Invalid)):
        await images.normalised(out.getvalue(), "image/png")


async def test_many_pictures_of_one_colour_at_once_take_the_memory_of_few() -> None:
    """Twelve of 16 million pixels would be 768 MiB as they are, and three times as much on their way to a PNG."""
    out = BytesIO()
    Image.new("RGB", (4096, 4096), "red").save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = await asyncio.gather(*[images.normalised(out.getvalue(), "image/png") for _ in range(12)])
    assert {opened(png).size for png in made} == {(512, 512)}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250 * 1024  # KiB


async def test_no_damage_to_a_file_is_more_than_a_refusal() -> None:
    whole, chance = noise(40), random.Random(2)
    codes = set()
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            await images.normalised(bytes(damaged[: chance.randint(1, len(damaged))]), "image/png")
        except LaurelError as error:
            codes.add(error.code)
    assert "image_unreadable" in codes
    assert codes <= {"image_unreadable", "image_too_large"}


@pytest.mark.parametrize(
    "title", ["A", "Certified welder of pressure vessels and everything else " * 5, "W" * 200, "Ω ☃"]
)
async def test_a_badge_is_drawn_for_any_title(title: str) -> None:
    png = await images.drawn(title, "#8b1f4f")
    assert opened(png).size == (400, 400)
    assert len(png) < 64 * 1024
