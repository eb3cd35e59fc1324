"""An institution revokes many badges in a browser: it sees what it would be, confirms, and follows it."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Laurel
from tests.support.browser import Person, person
from tests.support.poll import eventually


@pytest.fixture
async def somebody(browser: Browser, laurel: Laurel) -> AsyncIterator[Person]:
    async with person(browser, laurel.urls) as found:
        yield found


async def press(somebody: Person, words: str) -> None:
    """Press a button and wait for the page behind it."""
    async with somebody.page.expect_navigation():
        await somebody.page.get_by_role("button", name=words).click()


async def mistaken(somebody: Person, name: str, words: str) -> None:
    """Look at a page that says what is wrong."""
    somebody.errors.clear()  # the browser itself complains of a 4xx
    await expect(somebody.page.get_by_role("alert")).to_contain_text(words)
    await somebody.look(name)


async def test_a_cohort_is_revoked_in_a_browser(laurel: Laurel, somebody: Person) -> None:
    oak = await laurel.institution()
    achievement = await oak.achievement(name="Bridge Building II")
    badges = [await oak.issue(achievement, f"learner{n}@example.org") for n in range(3)]
    page = somebody.page
    await page.goto(laurel.console + "/institution")
    await expect(page.get_by_label("API key")).to_be_visible()
    await somebody.look("institution-key")
    await page.get_by_label("API key").fill("lrl_00000000000000000000000000000000_wrong")
    await press(somebody, "Go on")
    await mistaken(somebody, "institution-key-wrong", "not an institution's key")
    await page.get_by_label("API key").fill(oak.client.headers["Authorization"].removeprefix("Bearer "))
    await press(somebody, "Go on")
    await expect(page.get_by_text("There has been none.")).to_be_visible()
    await somebody.look("institution-start")

    await page.get_by_label("Reason").select_option("issued_in_error")
    await press(somebody, "See what it would be")
    await mistaken(somebody, "institution-nothing-chosen", "Choose badges")
    await page.get_by_label("Of this achievement").select_option(label="Bridge Building II")
    await press(somebody, "See what it would be")
    await expect(page.get_by_role("heading", name="3 badges of 3 learners")).to_be_visible()
    await somebody.look("institution-preview")

    await oak.revoke(badges[0]["id"])
    await press(somebody, "Revoke these 3 badges")
    await mistaken(somebody, "institution-changed", "have changed since you saw them")
    await press(somebody, "Revoke these 3 badges")
    assert "lrl_" not in page.url

    async def done() -> bool:
        await page.reload()
        return await page.get_by_role("heading", name="It is done").is_visible()

    await eventually(done)
    await expect(page.locator("dd", has_text="3 of 3")).to_be_visible()
    await somebody.look("institution-done")
    await page.get_by_role("link", name="Revoke others").click()
    await expect(page.get_by_role("cell", name="done", exact=True)).to_be_visible()
    await somebody.look("institution-list")
    await press(somebody, "Log out")
    await page.goto(laurel.console + "/institution")
    await expect(page.get_by_label("API key")).to_be_visible()
