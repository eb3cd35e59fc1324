"""Badges that replace and renew each other are linked both ways, for programs and on their pages."""

from datetime import UTC, datetime

from shared.ids import new_id
from tests.integration.registry.builders import NAME, Badge
from tests.integration.registry.conftest import Registry
from tests.integration.registry.pages import known, open_page

LINKS = ("state", "replaces", "replaced_by", "renews", "renewed_by")


async def _record(registry: Registry, badge: Badge) -> dict[str, str | None]:
    told = (await registry.client.get(f"/v1/credentials/{badge.id}")).json()
    return {name: told[name] for name in LINKS if told[name]}


async def test_a_replaced_badge_leads_to_the_one_that_has_its_place_and_back(registry: Registry) -> None:
    old = await known(registry, Badge())
    new = Badge(old.institution_id, old.achievement_id)
    replaced = old.changed().model_copy(update={"replaced_by": new.id})
    await registry.feed(new.issued().model_copy(update={"replaces": old.id}), replaced)
    async with registry.serving():
        assert await _record(registry, old) == {"state": "replaced", "replaced_by": str(new.id)}
        assert await _record(registry, new) == {"state": "issued", "replaces": str(old.id)}
        page = await open_page(registry, old)
        owners = await open_page(registry, old, owner=old.owner_token)
        newer = await open_page(registry, new)
    assert "It was replaced by another one, which has its place." in page.text
    for shown in (page, owners):
        # The learner of the old one may be another than that of the new one: the link opens what everybody may see.
        assert f"/credentials/{new.id}" in shown.links
    assert NAME not in newer.text


async def test_a_renewed_badge_stays_as_it_is_and_leads_to_the_newer_one(registry: Registry) -> None:
    old = await known(registry, Badge())
    new = Badge(old.institution_id, old.achievement_id)
    await registry.feed(new.issued().model_copy(update={"renews": old.id}))
    async with registry.serving():
        assert await _record(registry, old) == {"state": "renewed", "renewed_by": str(new.id)}
        assert await _record(registry, new) == {"state": "issued", "renews": str(old.id)}
        page = await open_page(registry, old)
    assert page.tone == "good"
    assert f"/credentials/{new.id}" in page.links
    assert "It was renewed: the newer one is here." in page.text


async def test_nobody_renews_anothers_badge(registry: Registry) -> None:
    old = await known(registry, Badge())
    await registry.feed(Badge().issued().model_copy(update={"renews": old.id}))
    async with registry.serving():
        assert await _record(registry, old) == {"state": "issued"}


async def test_a_badge_whose_end_is_over_is_expired_and_a_revoked_one_revoked_all_the_same(registry: Registry) -> None:
    ended, revoked = Badge(), Badge(new_id())
    for badge in (ended, revoked):
        badge.document["validUntil"] = datetime(2026, 2, 1, tzinfo=UTC).isoformat()
        await registry.feed(badge.issued())
    await registry.feed(revoked.changed())
    async with registry.serving():
        assert await _record(registry, ended) == {"state": "expired"}
        assert await _record(registry, revoked) == {"state": "revoked"}
