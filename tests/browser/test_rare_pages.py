"""Pages that few ever see and none should have to puzzle over: mistakes, refusals, badges that hold no longer."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Laurel
from tests.browser.test_journey import drop, log_in
from tests.browser.test_pages import recorded
from tests.integration.registry.builders import Badge
from tests.integration.registry.conftest import Registry
from tests.integration.registry.pages import known
from tests.support.browser import Person, person
from tests.support.people import register_employer, verify
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.service import FOR_A_WHILE, prepared
from tests.support.stack import OPERATOR_KEY, SERVICES

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def somebody(laurel: Laurel, browser: Browser) -> AsyncIterator[Person]:
    async with person(browser, laurel.urls) as found:
        yield found


async def look_at_refusal(somebody: Person, name: str) -> None:
    somebody.errors.clear()  # the browser itself complains of a 4xx
    await expect(somebody.page.locator("main .good")).to_have_count(0)
    await somebody.look(name)


@pytest.mark.parametrize("service", [*SERVICES, "console"])
async def test_an_address_without_a_page_says_so_in_words(laurel: Laurel, somebody: Person, service: str) -> None:
    answer = await somebody.page.goto(laurel.urls[service] + "/nowhere")
    assert answer
    assert answer.status == 404
    await expect(somebody.page.get_by_text("There is no page at this address")).to_be_visible()
    await look_at_refusal(somebody, f"nowhere-{service}")


async def test_a_mistyped_address_comes_back_to_be_mended_and_too_many_are_told_when_to_come_again(
    laurel: Laurel, somebody: Person
) -> None:
    for turn in range(12):
        await somebody.page.goto(laurel.urls["notifier"] + "/my-links")
        await somebody.page.get_by_role("textbox").fill("ada@learner" if turn == 0 else "nobody@learner.example")
        async with somebody.page.expect_navigation():
            await somebody.page.get_by_role("button").click()
        if turn == 0:
            await expect(somebody.page.get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
            await expect(somebody.page.get_by_role("textbox")).to_have_value("ada@learner")
            await look_at_refusal(somebody, "my-links-mistake")
    await expect(somebody.page.get_by_text("Try again in")).to_be_visible()
    await look_at_refusal(somebody, "too-many")


async def test_a_wrong_operator_key_opens_nothing(laurel: Laurel, somebody: Person) -> None:
    await somebody.page.goto(laurel.console + "/ops/trace")
    await somebody.page.get_by_label("Operator key").fill("guessed")
    await somebody.page.get_by_role("button", name="Log in").click()
    await expect(somebody.page.get_by_role("alert")).to_have_text("This is not the operator key.")
    assert await somebody.context.cookies() == []
    await look_at_refusal(somebody, "ops-login-wrong")


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [("wrong", "no badge at all", "holds no badge's id"), ("unknown", NOWHERE, "knows no badge of this id")],
)
async def test_a_badge_that_nobody_knows_has_no_trace(
    laurel: Laurel, somebody: Person, name: str, asked: str, words: str
) -> None:
    await log_in(somebody, laurel, "/ops/trace")
    await somebody.page.get_by_role("textbox").fill(asked)
    await somebody.page.get_by_role("button", name="Follow").click()
    await expect(somebody.page.locator("main").get_by_text(words)).to_be_visible()
    await look_at_refusal(somebody, f"ops-trace-{name}")


@pytest.mark.parametrize(
    ("name", "validity", "headline"),
    [
        (
            "expired",
            {"valid_from": "2024-01-01T00:00:00Z", "valid_until": "2025-01-01T00:00:00Z"},
            "Not valid: expired",
        ),
        ("early", {"valid_from": "2126-01-01T00:00:00Z"}, "Not valid: its time has not come yet"),
        ("somebody-elses", {}, "Valid, but issued to somebody else"),
    ],
)
async def test_a_badge_that_is_not_what_its_holder_says_is_never_green(
    laurel: Laurel, somebody: Person, tmp_path: Path, name: str, validity: dict[str, Any], headline: str
) -> None:
    institution = await laurel.institution()
    badge = await recorded(institution, await institution.issue(await institution.achievement(), **validity))
    await known_to_the_verifier(laurel, badge["credential"])
    file = tmp_path / "badge.json"
    file.write_text(json.dumps(badge["credential"]))
    await somebody.page.goto(laurel.urls["verifier"])
    await somebody.page.get_by_text("Whose badge should this be?").click()
    await somebody.page.get_by_label("Mail address").fill("somebody.else@example.org")
    await drop(somebody, file)
    await expect(somebody.page.locator("main .verdict h1")).to_have_text(headline)
    await look_at_refusal(somebody, f"verify-{name}")


async def known_to_the_verifier(laurel: Laurel, credential: dict[str, Any]) -> None:
    client = await register_employer(laurel.stack.urls, OPERATOR_KEY)

    async def certain() -> bool:
        return (await verify(client, credential))["verdict"] != "unknown"

    await eventually(certain)
    await client.aclose()


async def test_a_badge_that_does_not_hold_now_has_a_page_that_says_why(
    browser: Browser, clean_database: Callable[[str], CleanDatabase]
) -> None:
    badges = {name: Badge() for name in ("suspended", "expired", "early", "withdrawn", "orphan", "uncertain")}
    badges["expired"].document["validUntil"] = "2026-02-01T00:00:00Z"
    badges["early"].document["validFrom"] = "2126-02-01T00:00:00Z"
    settings = {"public_url": "https://badges.example", "max_status_age": FOR_A_WHILE}
    async with prepared(Registry, clean_database, **settings) as registry:
        for name, badge in badges.items():
            if name == "orphan":
                await registry.feed(badge.issued())
            else:
                await known(registry, badge, standing="withdrawn" if name == "withdrawn" else "registered")
        await registry.feed(badges["suspended"].changed(2, "suspended", "suspended"))
        async with registry.serving():
            for name, badge in badges.items():
                if name == "uncertain":
                    await registry.hear(datetime.now(UTC) - FOR_A_WHILE - timedelta(seconds=1))
                address = str(registry.client.base_url)
                async with person(browser, {"registry": address}) as reader:
                    await reader.page.goto(f"{address.rstrip('/')}/credentials/{badge.id}")
                    await expect(reader.page.locator("main .verdict h2")).to_be_visible()
                    await expect(reader.page.locator("main .good")).to_have_count(0)
                    await reader.look(f"badge-{name}")
