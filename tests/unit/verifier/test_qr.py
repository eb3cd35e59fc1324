"""A picture that shows one QR code says what that says; every other says nothing, in bounded time and memory."""

import pytest
from PIL import Image

from services.verifier.check_worker import take_out
from services.verifier.jobs import Reading, Refused, Sound, Unpacked, Unpacking
from services.verifier.qr import MAX_SIDE, text_in
from shared.credentials.baking_png import bake_png
from shared.credentials.containers import Given
from tests.support.pictures import a_png
from tests.support.qr import photograph, qr_png, saved, side_by_side

LINK = "https://badges.example/credentials/0d6c2b8e-1111-4222-8333-444455556666"
TOKEN = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"


def found(raw: bytes) -> Given | str:
    outcome = take_out(Unpacking(raw=raw))
    return outcome.given if isinstance(outcome, Unpacked) else outcome.code if isinstance(outcome, Refused) else ""


@pytest.mark.parametrize(
    "picture",
    [
        qr_png(LINK),
        qr_png(LINK, dark="darkblue", light=None),
        qr_png(LINK, dark="white", light="black"),
        photograph(LINK),
        photograph(LINK, lambda taken: taken.resize((taken.width // 2, taken.height // 2))),
        photograph(LINK, lambda taken: taken.convert("RGB").rotate(180)),
    ],
    ids=["plain", "on nothing", "inverted", "photograph", "small", "upside down"],
)
def test_one_code_is_read_as_it_is_saved_or_taken(picture: bytes) -> None:
    assert text_in(picture) == LINK


def test_what_the_code_says_is_taken_as_if_it_had_been_typed() -> None:
    assert found(qr_png(LINK + "#top")) == Given(None, None, "qr", url=LINK)
    assert found(photograph(TOKEN)) == Given(None, TOKEN, "qr")
    assert found(qr_png('{"a": 1}')) == Given({"a": 1}, None, "qr")
    assert found(qr_png("openid4vp://?request_uri=https://x.example")) == "wallet_link"
    assert found(qr_png("Hello")) == "malformed"


def test_a_baked_badge_counts_and_its_pixels_are_not_looked_at() -> None:
    assert found(bake_png(qr_png(LINK), TOKEN)) == Given(None, TOKEN, "png", "3.0")


def test_pictures_of_no_code_or_several_are_refused() -> None:
    assert found(side_by_side(qr_png(LINK), qr_png(TOKEN))) == "ambiguous_badge"
    assert found(a_png()) == "no_badge_inside"
    assert found(saved(Image.new("L", (200, 200), 255), "JPEG")) == "format_not_read"
    assert found(b"\xff\xd8\xff") == "format_not_read"
    assert found(photograph(LINK)[:-2_000]) in ("format_not_read", Given(None, None, "qr", url=LINK))


def test_a_picture_larger_than_any_is_not_drawn_whatever_its_header_claims() -> None:
    assert text_in(a_png(width=MAX_SIDE + 1, height=1)) is None
    assert text_in(a_png(width=60_000, height=60_000)) is None
    assert text_in(saved(Image.new("L", (MAX_SIDE, MAX_SIDE), 255), "PNG")) is None


def test_a_text_is_looked_through_without_its_value_coming_back() -> None:
    assert take_out(Reading(json_text=b"[1]")) == Sound()
    assert isinstance(take_out(Reading(json_text=b"[NaN]")), Refused)
