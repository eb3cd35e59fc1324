"""Who sees a learner's name: whoever holds the learner's link, and everybody once the learner says so."""

from typing import Any

import asyncpg
import httpx
import pytest

from shared.ids import new_id
from tests.integration.registry.builders import GRADE, NAME, Badge
from tests.integration.registry.conftest import Registry, as_app
from tests.integration.registry.pages import BROWSER, known, open_page


async def say(registry: Registry, badge: Badge, shown: str, **members: str) -> httpx.Response:
    form = {"owner": badge.owner_token, "shown": shown, **members}
    return await registry.client.post(f"/credentials/{badge.id}/visibility", data=form, headers=BROWSER)


async def test_a_learner_shows_name_and_signed_badge_to_everybody_and_hides_them_again(registry: Registry) -> None:
    badge = await known(registry, Badge())
    address, as_document = f"/credentials/{badge.id}", {"Accept": "application/vc"}
    async with registry.serving(verifier_url="https://verify.example"):
        answer = await say(registry, badge, "yes")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{address}?owner={badge.owner_token}")
        page = await open_page(registry, badge)
        assert NAME in page.text
        assert GRADE in page.text
        assert page.answer.headers["cache-control"] == "no-cache"
        assert not page.all("form")
        filled = f"https://verify.example/?link=https%3A%2F%2Fbadges.example%2Fcredentials%2F{badge.id}"
        assert filled in page.links
        for public in (
            await registry.client.get(f"{address}.json"),
            await registry.client.get(f"{address}.json", params={"owner": "wrong"}),
            await registry.client.get(address, headers=as_document),
        ):
            assert public.json() == badge.document
            assert public.headers["access-control-allow-origin"] == "*"
        assert (await say(registry, badge, "yes")).status_code == 303, "once more changes nothing"
        assert "sees your name" in (await open_page(registry, badge, owner=badge.owner_token)).text
        assert (await say(registry, badge, "no")).status_code == 303
        assert NAME not in (await open_page(registry, badge)).text
        assert (await registry.client.get(f"{address}.json")).status_code == 404


async def test_with_a_wrong_token_nothing_changes_and_the_badge_is_as_unknown_as_one_that_never_was(
    registry: Registry,
) -> None:
    badge, other = await known(registry, Badge()), await known(registry, Badge())
    async with registry.serving():
        answers = [
            await say(registry, Badge(), "yes"),
            await say(registry, badge, "yes", owner=other.owner_token),
            await say(registry, badge, "yes", owner=""),
            await say(registry, badge, "no", owner="\x00"),
            await registry.client.post("/credentials/no-uuid/visibility", data={"shown": "yes"}, headers=BROWSER),
            await registry.client.get(f"/credentials/{new_id()}", headers=BROWSER),
        ]
        assert len({(each.status_code, each.text, each.headers["cache-control"]) for each in answers}) == 1
        assert answers[0].status_code == 404
    assert await registry.rows("select * from shown_badges") == []


@pytest.mark.parametrize("form", [{}, {"shown": "maybe"}, {"shown": ""}, {"owner": "x"}])
async def test_a_form_that_says_neither_yes_nor_no_is_refused(registry: Registry, form: dict[str, str]) -> None:
    async with registry.serving():
        answer = await registry.client.post(f"/credentials/{new_id()}/visibility", data=form)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_the_app_role_can_neither_read_nor_write_who_is_shown_but_by_the_token(registry: Registry) -> None:
    badge = await known(registry, Badge())
    show = "select show_badge($1, $2, true)"
    assert (await as_app(registry, show, badge.id, b"wrong"))[0][0] is False
    assert await registry.rows("select * from shown_badges") == []
    async with registry.serving():
        await say(registry, badge, "yes")
    assert await registry.value("select count(*) from shown_badges") == 1
    for tenant in (None, badge.institution_id):
        assert await as_app(registry, "select * from shown_badges", tenant=tenant) == []
        assert await as_app(registry, "select * from credential_states", tenant=tenant) == []
        assert await as_app(registry, "delete from shown_badges returning 1", tenant=tenant) == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_app(registry, "insert into shown_badges (credential_id) values ($1)", new_id(), tenant=tenant)


async def test_a_registry_that_lost_everything_hides_every_badge_again(registry: Registry) -> None:
    badge = await known(registry, Badge())

    async def forget(*tables: str) -> Any:
        return [await registry.rows(f"delete from {table} returning 1") for table in tables]

    async with registry.serving():
        await say(registry, badge, "yes")
        await forget("documents", "openings", "history", "credentials")
        await registry.feed(badge.issued())
        assert NAME not in (await open_page(registry, badge)).text
