"""The other pages: what nobody hopes to see, what works without scripts, what is printed."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Laurel
from tests.browser.test_journey import drop, log_in, mailed, private_link
from tests.support.badges import a_signed_badge
from tests.support.browser import Person, person
from tests.support.people import Institution
from tests.support.poll import eventually


@pytest.fixture
async def somebody(laurel: Laurel, browser: Browser) -> AsyncIterator[Person]:
    async with person(browser, laurel.urls) as found:
        yield found


@pytest.fixture(scope="module")
async def issued(laurel: Laurel) -> dict[str, Any]:
    """A badge that is recorded."""
    institution = await laurel.institution()
    return await recorded(institution, await institution.issue(await institution.achievement()))


async def recorded(institution: Institution, badge: dict[str, Any]) -> dict[str, Any]:
    async def there() -> bool:
        return (await institution.record(badge["id"])).status_code == 200

    await eventually(there)
    return badge


async def test_the_index_leads_to_what_a_person_can_open(laurel: Laurel, somebody: Person) -> None:
    await somebody.page.goto(laurel.console)
    await somebody.look("index")
    for name in ("Verify a badge", "Send me my links", "Operator's pages"):
        address = await somebody.page.get_by_role("link", name=name).get_attribute("href")
        assert address
        answer = await somebody.context.request.get(laurel.console + address if address[0] == "/" else address)
        assert answer.status == 200, address


async def test_an_unknown_badge_has_an_honest_page(laurel: Laurel, somebody: Person) -> None:
    answer = await somebody.page.goto(laurel.urls["registry"] + "/credentials/00000000-0000-4000-8000-000000000000")
    assert answer
    assert answer.status == 404
    somebody.errors.clear()  # the browser itself complains of a 404
    await expect(somebody.page.locator(".good")).to_have_count(0)
    await somebody.look("badge-unknown")


async def test_a_genuine_badge_of_a_stranger_is_never_green(laurel: Laurel, somebody: Person, tmp_path: Any) -> None:
    file = tmp_path / "stranger.json"
    file.write_text(json.dumps(a_signed_badge(status=[])))
    await somebody.page.goto(laurel.urls["verifier"])
    await drop(somebody, file)
    await expect(somebody.page.locator("main .verdict").first).to_have_class(re.compile("care"))
    await expect(somebody.page.locator("main .verdict.good")).to_have_count(0)
    await somebody.look("verify-stranger")


async def test_what_cannot_be_checked_is_said_in_words(laurel: Laurel, somebody: Person) -> None:
    await somebody.page.goto(laurel.urls["verifier"])
    await somebody.page.get_by_label("or its text").fill("{ this is no badge")
    await somebody.page.get_by_role("button", name="Check the badge").click()
    await expect(somebody.page.locator("main .verdict h1")).to_have_text("Could not be checked")
    somebody.errors.clear()  # the browser itself complains of a 4xx
    await somebody.look("verify-unreadable")


async def test_verifying_works_without_javascript(laurel: Laurel, browser: Browser, issued: dict[str, Any]) -> None:
    async with person(browser, laurel.urls, java_script_enabled=False) as somebody:
        await somebody.page.goto(laurel.urls["verifier"])
        await somebody.page.locator("input[type=file]").set_input_files(
            {"name": "badge.json", "mimeType": "application/json", "buffer": json.dumps(issued["credential"]).encode()}
        )
        await somebody.page.get_by_role("button", name="Check the badge").click()
        await expect(somebody.page.locator("main .verdict h1")).to_have_text("Valid")
        await somebody.judge("verify without JavaScript")


async def test_a_learner_shows_a_badge_to_everybody_and_hides_it_again_without_javascript(
    laurel: Laurel, browser: Browser
) -> None:
    institution = await laurel.institution("Ash College")
    achievement = await institution.achievement(name="Roof Building")
    recipient = {"name": "Grace Hopper", "email": "ada@learner.example"}
    badge = await recorded(institution, await institution.issue(achievement, recipient=recipient))
    link = private_link(await mailed(laurel, "Roof Building", 1))
    async with person(browser, laurel.urls, java_script_enabled=False) as learner:
        await learner.page.goto(link)
        await learner.page.get_by_role("button", name=re.compile("^Show my name")).click()
        await expect(learner.page.get_by_role("button", name=re.compile("^Hide my name"))).to_be_visible()
        async with person(browser, laurel.urls) as employer:
            await employer.page.goto(badge["links"]["badge"])
            await expect(employer.page.get_by_text("Grace Hopper").first).to_be_visible()
            await employer.look("badge-shown")
            await employer.page.get_by_role("link", name="Verify this badge").click()
            await expect(employer.page.locator("#link")).to_have_value(badge["links"]["badge"])
            await employer.page.get_by_role("button", name="Check the badge").click()
            await expect(employer.page.locator("main .verdict h1")).to_have_text("Valid")
            await learner.page.get_by_role("button", name=re.compile("^Hide my name")).click()
            await expect(learner.page.get_by_role("button", name=re.compile("^Show my name"))).to_be_visible()
            await employer.page.goto(badge["links"]["badge"])
            await expect(employer.page.get_by_text("Grace Hopper")).to_have_count(0)
            await employer.judge("badge hidden again")


async def test_links_are_sent_to_whoever_asks_with_the_same_answer(laurel: Laurel, somebody: Person) -> None:
    answers = []
    for address in ("ada@learner.example", "nobody@learner.example"):
        await somebody.page.goto(laurel.urls["notifier"] + "/my-links")
        await somebody.look("my-links")
        await somebody.page.get_by_role("textbox").fill(address)
        await somebody.page.get_by_role("button").click()
        await expect(somebody.page.get_by_text("on its way")).to_be_visible()
        answers.append((await somebody.page.locator("main").inner_text()).replace(address, "ADDRESS"))
    assert answers[0] == answers[1]
    await somebody.look("my-links-sent")


async def test_a_learner_ends_mails_and_has_them_again_by_the_button_alone(laurel: Laurel, somebody: Person) -> None:
    institution, address = await laurel.institution(), "quiet@learner.example"
    badge = await institution.issue(await institution.achievement(), address)
    await institution.revoke(badge["id"])
    await eventually(lambda: any("List-Unsubscribe" in mail for mail in laurel.mailbox.to(address)))
    [mail] = [mail for mail in laurel.mailbox.to(address) if "List-Unsubscribe" in mail]
    await somebody.page.goto(mail["List-Unsubscribe"].strip("<>").replace(" ", ""))
    await somebody.look("unsubscribe")
    await somebody.page.get_by_role("button", name="Stop these mails").click()
    await expect(somebody.page.get_by_text("That is noted.")).to_be_visible()
    await somebody.look("unsubscribed")
    await somebody.page.get_by_role("button", name="Get these mails again").click()
    await expect(somebody.page.get_by_role("heading", name="You get these mails again")).to_be_visible()


async def test_an_address_becomes_an_endpoint_by_its_readers_button(laurel: Laurel, somebody: Person) -> None:
    institution, address = await laurel.institution(), "office@oak.example"
    asked = {"mail": address}
    made = await institution.client.post(f"{laurel.urls['notifier']}/v1/endpoints", json=asked)
    assert made.json()["state"] == "unconfirmed"
    await eventually(lambda: laurel.mailbox.to(address))
    text = laurel.mailbox.to(address)[0].get_body(("plain",))
    assert text
    link = re.search(r"http\S+/confirm/\S+", text.get_content())
    assert link
    await somebody.page.goto(link[0])
    await somebody.look("confirm")
    await somebody.page.get_by_role("button", name="Yes, tell me by mail").click()
    await expect(somebody.page.get_by_role("heading", name="You are told by mail")).to_be_visible()
    await somebody.look("confirmed")
    shown = await institution.client.get(f"{laurel.urls['notifier']}/v1/endpoints/{made.json()['id']}")
    assert shown.json()["state"] == "enabled"


async def test_the_operator_sees_how_the_services_stand(laurel: Laurel, somebody: Person) -> None:
    await log_in(somebody, laurel, "/ops")
    for service in ("issuer", "registry", "verifier", "notifier"):
        part = somebody.page.get_by_role("region", name=service.capitalize())
        await expect(part.get_by_text("ready")).to_be_visible()
    await somebody.look("ops")
    await somebody.page.goto(laurel.console + "/ops/trace")
    await somebody.look("ops-follow")


async def test_a_report_and_a_badge_can_be_printed(
    laurel: Laurel, somebody: Person, issued: dict[str, Any], tmp_path: Any
) -> None:
    await somebody.page.emulate_media(media="print")
    await somebody.page.goto(issued["links"]["badge"])
    await expect(somebody.page.locator("main .verdict h2")).to_be_visible()
    await expect(somebody.page.get_by_role("button")).to_have_count(0)
    file = tmp_path / "badge.json"
    file.write_text(json.dumps(issued["credential"]))
    await somebody.page.goto(laurel.urls["verifier"])
    await drop(somebody, file)
    await expect(somebody.page.locator("main .verdict h1")).to_be_visible()
    await expect(somebody.page.get_by_text("Neither revoked nor suspended", exact=True)).to_be_visible()
    await expect(somebody.page.get_by_role("button")).to_have_count(0)
