"""A real Chromium, and a look at a page that finds what a person should not have to find."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# Nothing but pages of ours is asked for: no updates, no sync, no first-run page.
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDTHS = (1280, 390)
NARROWEST = 320
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
FOLDER = os.environ.get("SCREENSHOTS")


def executable() -> str:
    """Where Chromium stands; `make browser` installs one. AssertionError where there is none: no test is skipped."""
    found = next((path for name in (os.environ.get("CHROMIUM"), *NAMES) if name and (path := shutil.which(name))), None)
    assert found, "no Chromium: 'make browser' installs it, or CHROMIUM names it"
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium until the block ends."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
        yield browser
        await browser.close()


@dataclass
class Person:
    """Somebody at a browser: `page` is what they look at; what went wrong on the way is kept."""

    context: BrowserContext
    page: Page
    own: frozenset[str]  # the origins that belong to Laurel
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    async def look(self, name: str) -> None:
        """Look at the page wide and narrow, light and dark; it must be in order (AssertionError says what is not).

        With SCREENSHOTS a picture of each is written there, under `name`.
        """
        await self.judge(name)  # before axe, whose own script is one that the page's policy complains of
        for scheme in ("dark", "light"):
            await self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
            await self.accessible(name, scheme)
            for width in WIDTHS:
                await self.page.set_viewport_size({"width": width, "height": 900})
                await self._picture(f"{name}-{width}-{scheme}")
        await self._fits(name)

    async def judge(self, name: str) -> None:
        """Nothing was complained of so far, nothing asked of strangers, and no cookie is set on a public page."""
        assert self.errors == [], f"{name}: {self.errors}"
        assert self.foreign == [], f"{name}: {self.foreign}"
        if not any(closed in self.page.url for closed in ("/ops", "/institution")):
            assert await self.context.cookies(self.page.url) == [], name

    async def accessible(self, name: str, scheme: str) -> None:
        """Axe finds nothing of WCAG 2.2 AA."""
        before = list(self.errors)
        found = await Axe().run(self.page, options=RULES)
        self.errors[:] = before
        told = [
            f"{each['id']}: {[node['html'][:200] for node in each['nodes']]}" for each in found.response["violations"]
        ]
        assert told == [], f"{name} ({scheme}): {told}"

    async def _fits(self, name: str) -> None:
        await self.page.set_viewport_size({"width": NARROWEST, "height": 900})
        width = await self.page.evaluate("document.documentElement.scrollWidth")
        await self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        assert width <= NARROWEST, f"{name} is {width} px wide on a screen of {NARROWEST}"

    async def _picture(self, name: str) -> None:
        if FOLDER:
            await self.page.screenshot(path=Path(FOLDER) / f"{name}.png", full_page=True)


@asynccontextmanager
async def person(browser: Browser, urls: dict[str, str], **options: Any) -> AsyncIterator[Person]:
    """Somebody with a browser of their own; `urls` are Laurel's."""
    context = await browser.new_context(viewport={"width": WIDTHS[0], "height": 900}, **options)
    page = await context.new_page()
    found = Person(context, page, frozenset(map(origin, urls.values())))
    page.on("console", lambda said: found.errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("dialog", lambda dialog: found.errors.append(f"dialog: {dialog.message}"))
    page.on("request", lambda asked: None if origin(asked.url) in found.own else found.foreign.append(asked.url))
    yield found
    await context.close()


def origin(url: str) -> str:
    """Scheme, host and port of a URL."""
    found = re.match(r"[a-z]+://[^/]*|data:|blob:|about:", url)
    return found.group() if found else url
