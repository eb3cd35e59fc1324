"""Mails to learners in their institution's own words, previewed before anybody gets one."""

from typing import Any

import httpx
import pytest

from shared.ids import new_id
from tests.integration.notifier.builders import EMAIL, OWNER_TOKEN, Badge
from tests.integration.notifier.conftest import OWN, PUBLIC_URL, Notifier
from tests.integration.notifier.mailing import mailed
from tests.support.mailbox import taking_mail

PATH = "/v1/templates/credential.issued/en"
WORDS = {"subject": "Well done: {{ badge }}", "text": "Dear {{ learner }},\n\nhere it is: {{ link }}"}


async def put(notifier: Notifier, key: dict[str, str], path: str = PATH, **members: Any) -> httpx.Response:
    return await notifier.client.put(path, headers=key, json={**WORDS, **members})


async def preview(notifier: Notifier, key: dict[str, str], path: str = PATH, **members: Any) -> dict[str, Any]:
    answer = await notifier.client.post(f"{path}/preview", headers=key, json=members)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_an_institutions_words_are_mailed_with_the_badge_and_the_lines_that_must_be_there(
    notifier: Notifier,
) -> None:
    badge, other = Badge(), Badge()
    async with taking_mail() as box, notifier.serving(notifier_url=OWN):
        key = await notifier.key(badge.institution_id)
        assert (await put(notifier, key)).status_code == 200
        await notifier.feed(badge.issued(), badge.recorded(), other.issued(), other.recorded())
        await mailed(notifier, box)
    own, ours = sorted(box.mails, key=lambda mail: "awarded" in mail["Subject"])
    assert own["Subject"] == "Well done: Fire safety"
    assert "awarded" in ours["Subject"]
    text = own.get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines()[:2] == ["Dear Ada Lovelace,", ""]
    assert "Laurel sends this mail on behalf of" in text.get_content()
    assert f"{PUBLIC_URL}/credentials/{badge.id}?owner={OWNER_TOKEN}" in text.get_content()
    assert [part.get_filename() for part in own.iter_attachments()] == ["badge.json"]


async def test_templates_are_kept_shown_and_removed_and_are_nobody_elses(notifier: Notifier) -> None:
    async with notifier.serving():
        key, stranger = await notifier.key(new_id()), await notifier.key(new_id())
        get, delete = notifier.client.get, notifier.client.delete
        await put(notifier, key)
        stored = (await put(notifier, key, html="<p>{{ badge }}</p>")).json()
        assert (await get(PATH, headers=key)).json() == stored
        assert stored["html"] == "<p>{{ badge }}</p>"
        listed = (await get("/v1/templates", headers=key)).json()
        assert listed["items"] == [stored]
        assert "badge" in listed["variables"]
        assert (await get("/v1/templates", headers=stranger)).json()["items"] == []
        assert (await get(PATH, headers=stranger)).status_code == 404
        assert (await delete(PATH, headers=stranger)).status_code == 404
        assert (await delete(PATH, headers=key)).status_code == 204
        assert (await get(PATH, headers=key)).status_code == 404


async def test_a_preview_shows_a_sample_and_then_ones_own_badge_without_its_private_link(notifier: Notifier) -> None:
    badge = Badge(name="Welding")
    await notifier.feed(badge.issued(), badge.recorded())
    async with notifier.serving():
        key, stranger = await notifier.key(badge.institution_id), await notifier.key(new_id())
        assert (await preview(notifier, key))["subject"].endswith("has awarded you the badge “Fire safety”")
        draft = await preview(notifier, key, template=WORDS)
        assert (draft["subject"], draft["problems"]) == ("Well done: Fire safety", [])
        await put(notifier, key)
        shown = await preview(notifier, key, credential_id=str(badge.id))
        assert shown["subject"] == "Well done: Welding"
        assert not any(secret in shown[part] for part in ("text", "html") for secret in (OWNER_TOKEN, EMAIL))
        german = await preview(notifier, key, "/v1/templates/credential.revoked/de")
        assert "widerrufen" in german["subject"]
        answer = await notifier.client.post(f"{PATH}/preview", headers=stranger, json={"credential_id": str(badge.id)})
        assert (answer.status_code, answer.json()["code"]) == (404, "credential_not_found")
    assert await notifier.value("select count(*) from templates") == 1


async def test_what_is_wrong_is_said_by_part_and_line_and_is_not_stored(notifier: Notifier) -> None:
    text = "one\n{{ unknown }}\n{% for a in range(9) %}{% endfor %}"
    async with notifier.serving():
        key = await notifier.key(new_id())
        refused = await put(notifier, key, text=text, subject="{{")
        draft = await preview(notifier, key, template={"subject": "{{", "text": text})
    assert (refused.status_code, refused.json()["code"]) == (422, "template_refused")
    assert refused.json()["problems"] == draft["problems"]
    assert [(each["part"], each["line"]) for each in draft["problems"]] == [("subject", 1), ("text", 2), ("text", 3)]
    assert draft["subject"] is None
    assert await notifier.value("select count(*) from templates") == 0


@pytest.mark.parametrize("path", ["/v1/templates/my-links/en", "/v1/templates/credential.issued/tlh"])
async def test_there_are_no_templates_of_other_mails_and_languages(notifier: Notifier, path: str) -> None:
    async with notifier.serving():
        key = await notifier.key(new_id())
        assert (await put(notifier, key, path)).status_code in (404, 422)
        employer = await notifier.key(new_id(), "employer")
        assert (await put(notifier, employer)).status_code == 403


async def test_a_stored_template_that_cannot_be_used_keeps_no_mail_back(notifier: Notifier) -> None:
    badge = Badge()
    async with taking_mail() as box, notifier.serving():
        await put(notifier, await notifier.key(badge.institution_id))
        await notifier.value("update templates set text = '{{ gone }}' returning 1")
        await notifier.feed(badge.issued(), badge.recorded())
        await mailed(notifier, box)
    assert "awarded" in box.mails[0]["Subject"]
