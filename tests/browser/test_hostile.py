"""Strangers' words in every place where they may stand: in a real browser none of them runs, turns or leads away."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Laurel
from tests.browser.test_journey import drop, private_link
from tests.support.badges import a_badge, a_key, a_signed_badge, signed
from tests.support.browser import Person, person
from tests.support.poll import eventually

RUNS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    '" autofocus onfocus=alert(1) x="',
    "{{7*7}}${7*7}<%= 7*7 %>",
    "[click](javascript:alert(1)) <a href=javascript:alert(1)>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe><base href=//stranger.example>",
    "<style>@import '//stranger.example/x.css';</style><link rel=stylesheet href=//stranger.example>",
    "\u202egnp.exe\u2066 \u200bname",
]
HOSTILE = " ".join(RUNS)
SHORT = '"><img src=x onerror=alert(1)><script>alert(2)</script>\u202e'

ADDRESSES = {"id", "url", "targetUrl", "verificationMethod", "statusListCredential", "resultDescription"}


def planted(value: Any) -> Any:
    """Replace every text of a badge that is not the form of the badge itself, all at once."""
    keep = {"@context", "type", "id", "cryptosuite", "validFrom", "validUntil", "identityType", "identityHash", "salt"}
    keep |= {"hashed", "inLanguage", "resultType", "targetType", "statusPurpose", "statusListIndex", "targetUrl", "url"}

    count = itertools.count()

    def walk(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: walk(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [walk(each, name) for each in value]
        return f"{HOSTILE} {next(count)}" if isinstance(value, str) and name not in keep else value

    return walk(value)


async def quiet(somebody: Person, name: str) -> None:
    """Nothing has run, nothing was asked of strangers, nothing leads to a script."""
    await somebody.judge(name)
    links = await somebody.page.eval_on_selector_all(
        "a[href], form[action]", "all => all.map(each => each.href || each.action)"
    )
    assert [each for each in links if not str(each).startswith(("http://", "https://", "mailto:"))] == [], name
    assert (
        await somebody.page.locator("body script:not([src^='/static/']), iframe, svg[onload], main style, base").count()
        == 0
    )


async def test_a_badge_whose_every_word_is_hostile_is_told_harmlessly(
    laurel: Laurel, browser: Browser, tmp_path: Path
) -> None:
    document = planted(a_badge(status=[]))
    document["credentialSubject"]["achievement"]["criteria"]["narrative"] = "\n\n".join(RUNS)
    file = tmp_path / "hostile.json"
    file.write_text(json.dumps(signed(document, a_key())))
    async with person(browser, laurel.urls) as employer:
        await employer.page.goto(laurel.urls["verifier"])
        await drop(employer, file)
        await expect(employer.page.locator("main .verdict.good")).to_have_count(0)
        await expect(employer.page.get_by_text("characters that are not seen").first).to_be_visible()
        await quiet(employer, "verify-hostile")
        await employer.look("verify-hostile")


async def test_addresses_and_identifiers_that_are_hostile_lead_nowhere(
    laurel: Laurel, browser: Browser, tmp_path: Path
) -> None:
    async with person(browser, laurel.urls) as employer:
        for number, word in enumerate([*RUNS, HOSTILE]):
            document = addressed(a_signed_badge(status=[]), word)  # whoever makes such a badge signs nothing
            file = tmp_path / f"{number}.json"
            file.write_text(json.dumps(document))
            await employer.page.goto(laurel.urls["verifier"])
            await drop(employer, file)
            await expect(employer.page.locator("main .verdict").first).to_have_class(re.compile("bad|care"))
            await expect(employer.page.locator("main .good")).to_have_count(0)
            employer.errors.clear()  # the browser itself complains of a 4xx
            await quiet(employer, f"verify-addresses-{number}")


def addressed(value: Any, word: str, name: str = "") -> Any:
    """Replace every address and identifier in a badge."""
    if isinstance(value, dict):
        return {key: addressed(each, word, key) for key, each in value.items()}
    if isinstance(value, list):
        return [addressed(each, word, name) for each in value]
    return word if name in ADDRESSES and isinstance(value, str) else value


@pytest.mark.parametrize("field", ["or its text", "or its link", "Mail address", "Name", "Identifier (such as a DID)"])
async def test_what_is_typed_comes_back_as_it_was_typed(laurel: Laurel, browser: Browser, field: str) -> None:
    async with person(browser, laurel.urls) as employer:
        for word in RUNS:
            await employer.page.goto(laurel.urls["verifier"])
            await employer.page.get_by_text("Whose badge should this be?").click()
            await employer.page.get_by_label(field, exact=True).fill(word)
            await employer.page.get_by_role("button", name="Check the badge").click()
            await expect(employer.page.locator("main .verdict h1")).to_have_text("Could not be checked")
            await expect(employer.page.get_by_label(field, exact=True)).to_have_value(word)
            employer.errors.clear()  # the browser itself complains of a 4xx
            await quiet(employer, f"verify {field}: {word}")


async def test_an_institution_whose_every_word_is_hostile_has_harmless_pages_and_mails(
    laurel: Laurel, browser: Browser
) -> None:
    institution = await laurel.institution(f"Hostile {SHORT}")
    achievement = await institution.achievement(
        name=f"Hostile badge {SHORT}",
        description=HOSTILE,
        criteria={"narrative": "\n\n".join(RUNS), "id": "https://stranger.example/criteria"},
        tags=[word[:100] for word in RUNS],
        human_code=SHORT,
        specialization=SHORT,
        field_of_study=SHORT,
        alignment=[{"target_name": SHORT, "target_url": "https://stranger.example/", "target_framework": SHORT}],
        micro_credential={
            "learning_outcomes": RUNS,
            "assessment_type": SHORT,
            "identity_check": SHORT,
            "quality_assurance": SHORT,
        },
    )
    recipient = {"name": f"Mallory {SHORT}", "email": "mallory@learner.example"}
    issued = await institution.issue(achievement, recipient=recipient, evidence=[{"name": SHORT, "narrative": HOSTILE}])
    await institution.revoke(issued["id"], SHORT)
    link = await mail_of(laurel)
    async with person(browser, laurel.urls) as learner:
        await learner.page.goto(link)
        await expect(learner.page.get_by_text("private view")).to_be_visible()
        await quiet(learner, "badge-hostile-owner")
        await learner.look("badge-hostile")
        await learner.page.goto(issued["links"]["badge"])
        await quiet(learner, "badge-hostile-public")
    async with person(browser, laurel.urls) as reader:  # a mail program, without the pages' policy
        for mail in laurel.mailbox.to("mallory@learner.example"):
            body = mail.get_body(("html",))
            assert body
            await reader.page.set_content(body.get_content())
            await quiet(reader, mail["Subject"])


async def mail_of(laurel: Laurel) -> str:
    await eventually(lambda: len(laurel.mailbox.to("mallory@learner.example")) == 2)
    return private_link(laurel.mailbox.to("mallory@learner.example")[0])
