"""One badge's life as its people see it: command line, mail, pages, in a real browser."""

import asyncio
import json
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, expect

from tests.browser.conftest import Laurel
from tests.support.browser import Person, person
from tests.support.people import register_employer, verify
from tests.support.poll import eventually
from tests.support.stack import OPERATOR_KEY

EMAIL = "ada@learner.example"
ACHIEVEMENT = {
    "name": "Bridge Building",
    "description": "Plans, builds and inspects a timber bridge.",
    "criteria": {"narrative": "Build a bridge that carries **two cows**:\n\n1. plan it\n2. build it\n3. cross it"},
    "achievement_type": "MicroCredential",
    "tags": ["timber", "statics"],
    "language": "en",
    "credits_available": 5,
    "alignment": [
        {
            "target_name": "carpenter",
            "target_url": "http://data.europa.eu/esco/occupation/1",
            "target_framework": "ESCO",
        }
    ],
    "micro_credential": {
        "learning_outcomes": ["Reads a plan", "Chooses the wood", "Says when not to cross"],
        "workload_hours": 125,
        "eqf_level": 4,
        "assessment_type": "practical examination",
        "supervision": "onsite",
        "identity_check": "identity card, on site",
        "participation": "blended",
        "quality_assurance": "ESG-registered agency",
        "country": "AT",
    },
}


async def test_a_badge_is_issued_received_verified_revoked_and_followed(
    laurel: Laurel, browser: Browser, tmp_path: Path
) -> None:
    institution = await laurel.institution("Oak College of Bridges")
    key = institution.client.headers["Authorization"].removeprefix("Bearer ")
    badge = issue(laurel, key, tmp_path)
    mail = await mailed(laurel, "Bridge Building", 1)

    async with person(browser, laurel.urls, accept_downloads=True) as learner:
        await learner.page.goto(private_link(mail))
        await expect(learner.page.get_by_text("private view")).to_be_visible()
        await expect(learner.page.get_by_text("Ada Lovelace").first).to_be_visible()
        await learner.look("badge-owner")
        file = await downloaded(learner, tmp_path)
        await learner.page.goto(badge["links"]["badge"])
        await expect(learner.page.get_by_role("heading", name="Bridge Building")).to_be_visible()
        await expect(learner.page.get_by_text("Ada Lovelace")).to_have_count(0)
        await learner.look("badge-public")
        assert await learner.context.cookies() == []

    async with person(browser, laurel.urls) as employer:
        await employer.page.goto(laurel.urls["verifier"])
        await employer.look("verify")
        await drop(employer, file)
        await expect(employer.page.locator("main .verdict h1")).to_have_text("Valid")
        await expect(employer.page.locator("main .verdict")).to_have_class(re.compile("good"))
        await employer.look("verify-valid")

        revoked = laurel.command("revoke", badge["id"], "--reason", "issued_in_error", LAUREL_INSTITUTION_KEY=key)
        assert revoked.startswith("Revoked: ")
        client = await register_employer(laurel.stack.urls, OPERATOR_KEY)
        await eventually(lambda: is_revoked(client, badge["credential"]))
        await client.aclose()
        await employer.page.goto(laurel.urls["verifier"])
        await drop(employer, file)
        verdict = employer.page.locator("main .verdict")
        await expect(verdict.locator("h1")).to_have_text(re.compile("Not valid.*revoked"))
        await expect(verdict).to_have_class(re.compile("bad"))
        await employer.look("verify-revoked")
        assert await employer.context.cookies() == []

    told = await mailed(laurel, "revoked", 1)
    assert "issued in error" in told.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one
    async with person(browser, laurel.urls) as learner:
        await learner.page.goto(private_link(told))
        await expect(learner.page.locator("main .verdict h2")).to_have_text("Revoked")
        await expect(learner.page.locator(".good")).to_have_count(0)
        await learner.look("badge-revoked-owner")
        await learner.page.goto(badge["links"]["badge"])
        await learner.look("badge-revoked")

    async with person(browser, laurel.urls) as operator:
        await log_in(operator, laurel, f"/ops/trace?badge={badge['id']}")
        await follow(operator, {"issuer", "registry", "verifier", "notifier"})
        await operator.look("ops-trace")


def issue(laurel: Laurel, key: str, folder: Path) -> dict[str, Any]:
    """Define an achievement and issue a badge of it with the command line."""
    (folder / "achievement.json").write_text(json.dumps(ACHIEVEMENT))
    defined = laurel.command(
        "achievement", "add", str(folder / "achievement.json"), "--json", LAUREL_INSTITUTION_KEY=key
    )
    achievement = json.loads(defined)["id"]
    words = ("issue", "--to", EMAIL, "--name", "Ada Lovelace", "--achievement", achievement, "--json")
    issued: dict[str, Any] = json.loads(laurel.command(*words, LAUREL_INSTITUTION_KEY=key))
    return issued


async def mailed(laurel: Laurel, words: str, count: int) -> EmailMessage:
    """The newest mail to the learner with such words in its subject, once there are `count`."""

    def found() -> list[EmailMessage]:
        return [mail for mail in laurel.mailbox.to(EMAIL) if words in mail["Subject"]]

    await eventually(lambda: len(found()) >= count)
    return found()[-1]


def private_link(mail: EmailMessage) -> str:
    """The learner's own link in a mail's text."""
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one
    found = re.search(r"http\S+\?owner=\S+", text)
    assert found, text
    return found.group()


async def downloaded(learner: Person, folder: Path) -> Path:
    """Download the signed badge as the learner does."""
    async with learner.page.expect_download() as begun:
        await learner.page.get_by_role("link", name="Download the signed badge").click()
    download = await begun.value
    file = folder / download.suggested_filename
    await download.save_as(file)
    assert file.suffix == ".json"
    return file


async def drop(employer: Person, file: Path) -> None:
    """Drop a file on the page, as a mouse does."""
    moved = await employer.page.evaluate_handle(
        """([name, text]) => { const moved = new DataTransfer();
           moved.items.add(new File([text], name, {type: "application/json"})); return moved; }""",
        [file.name, await asyncio.to_thread(file.read_text)],
    )
    async with employer.page.expect_navigation():
        await employer.page.dispatch_event("main", "drop", {"dataTransfer": moved})


async def is_revoked(client: Any, credential: dict[str, Any]) -> bool:
    """Whether the news has reached the verifier."""
    return (await verify(client, credential))["reason"] == "revoked"


async def log_in(operator: Person, laurel: Laurel, path: str) -> None:
    """Open an operator's page, and give the key that it asks for."""
    await operator.page.goto(laurel.console + path)
    await operator.look("ops-login")
    await operator.page.get_by_label("Operator key").fill(OPERATOR_KEY)
    await operator.page.get_by_role("button", name="Log in").click()
    await operator.page.wait_for_url(laurel.console + path)


async def follow(operator: Person, services: set[str]) -> None:
    """Reload the trace until each of the services has a line in it: spans come a second later."""

    async def seen() -> bool:
        await operator.page.reload()
        lines = await operator.page.locator(".waterfall .who").all_inner_texts()
        return services <= set(lines)

    await eventually(seen, every=1)
