"""A badge inside its picture, from the learner's page to the verify page."""

import asyncio
import re
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, expect

from tests.browser.conftest import Laurel
from tests.browser.test_journey import mailed, private_link
from tests.support.browser import Person, person
from tests.support.people import BADGE, Institution


@pytest.fixture
async def learner(laurel: Laurel, browser: Browser) -> AsyncIterator[Person]:
    async with person(browser, laurel.urls) as found:
        yield found


async def with_a_picture(institution: Institution, name: str) -> str:
    """Publish an achievement that has one; return its id."""
    drawn = BytesIO()
    Image.radial_gradient("L").save(drawn, "PNG")
    made = (await institution.client.post("/v1/achievements", json={**BADGE, "name": name})).json()["id"]
    png = {"content": drawn.getvalue(), "headers": {"Content-Type": "image/png"}}
    (await institution.client.put(f"/v1/achievements/{made}/image", **png)).raise_for_status()
    (await institution.client.post(f"/v1/achievements/{made}/publish")).raise_for_status()
    return str(made)


async def test_a_learner_downloads_the_badge_in_its_picture_and_whoever_gets_it_reads_that_it_is_valid(
    laurel: Laurel, learner: Person, browser: Browser, tmp_path: Path
) -> None:
    institution = await laurel.institution("Elm College")
    await institution.issue(await with_a_picture(institution, "Glass Blowing"), "ada@learner.example")
    await learner.page.goto(private_link(await mailed(laurel, "Glass Blowing", 1)))
    await expect(learner.page.locator(".badge-head img")).to_be_visible()
    await learner.look("badge-owner-picture")
    for kind in ("png", "svg"):
        async with learner.page.expect_download() as begun:
            await learner.page.get_by_role("link", name=f"Download the picture (.{kind})").click()
        download = await begun.value
        assert re.fullmatch(rf"[a-z0-9-]*glass-blowing-[0-9a-f]{{8}}\.{kind}", download.suggested_filename)
        file = tmp_path / download.suggested_filename
        await download.save_as(file)
        async with person(browser, laurel.urls) as employer:
            await employer.page.goto(laurel.urls["verifier"])
            await employer.page.locator("input[type=file]").set_input_files(file)
            await employer.page.get_by_role("button", name="Check the badge").click()
            await expect(employer.page.locator("main .verdict h1")).to_have_text("Valid")
            if kind == "svg":  # opened from the disk, it is the picture
                await employer.page.goto((await asyncio.to_thread(file.resolve)).as_uri())
                with Image.open(BytesIO(await employer.page.screenshot())) as shown:
                    darkest, lightest = shown.convert("L").crop((0, 0, 256, 256)).getextrema()
                assert darkest < 10, "black in its middle"
                assert lightest > 200, "white at its edge"
    without = tmp_path / "bare.png"
    await asyncio.to_thread(Image.new("L", (9, 9)).save, without)
    await learner.page.goto(laurel.urls["verifier"])
    await learner.page.locator("input[type=file]").set_input_files(without)
    await learner.page.get_by_role("button", name="Check the badge").click()
    await expect(learner.page.get_by_text("The picture holds no badge.")).to_be_visible()
    learner.errors.clear()  # the browser itself complains of a 4xx
    await learner.look("verify-picture-without-badge")
