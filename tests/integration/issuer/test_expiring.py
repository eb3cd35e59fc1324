"""Badges that run out are spoken of in time, once each time, and only while that is of use to anybody."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from services.issuer.handlers.expiring import tell_due
from services.issuer.handlers.refeed import refeed
from services.issuer.store.expiring import next_page
from tests.integration.issuer.conftest import Institution, Site
from tests.integration.issuer.test_batch import learners
from tests.integration.issuer.test_lists import moved_clock

TYPE = "laurel.credential.expiring.v1"
DAY = timedelta(days=1)


async def _issued(institution: Institution, days: float, **members: Any) -> str:
    ends = (datetime.now(UTC) + days * DAY).isoformat()
    achievement = await institution.achievement(suspendable=True, renewal_url="https://north.example/renew")
    answer = await institution.issue(achievement, valid_until=ends, **members)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _after(site: Site, days: float) -> list[tuple[str, int]]:
    """What has been told when a round was made, with the clock so many days ahead, a few minutes past midnight."""
    moved = await moved_clock(site, days * DAY + timedelta(minutes=5))
    try:
        await tell_due(moved.worker)
    finally:
        await moved.worker.close()
    return [(each["credential_id"], each["days"]) for each in await site.told(TYPE)]


@pytest.fixture(autouse=True)
async def begun(site: Site) -> None:
    """From now on it is looked what runs out."""
    await tell_due(site.worker)


async def test_a_badge_is_spoken_of_at_60_30_and_7_days_once_each(site: Site, north: Institution) -> None:
    badge = await _issued(north, 90, renewable_until=(datetime.now(UTC) + 120 * DAY).isoformat())
    days = (0, 29, 30, 30.5, 59, 60, 82, 83, 89, 91, 200)
    seen = [len(await _after(site, day)) for day in days]
    assert seen == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3]
    told = await site.told(TYPE)
    assert [(each["credential_id"], each["days"]) for each in told] == [(badge, 60), (badge, 30), (badge, 7)]
    assert {each["version"] for each in told} == {1}
    assert {each["renewal_url"] for each in told} == {"https://north.example/renew"}
    assert told[0]["renewable_until"] > told[0]["valid_until"]


async def test_with_less_time_left_only_what_still_fits_is_told(site: Site, north: Institution) -> None:
    badge, short = await _issued(north, 40), await _issued(north, 3)
    told = [await _after(site, day) for day in (0, 10, 33, 41)]
    assert told[-1] == [(badge, 30), (badge, 7)]
    assert short not in [each for each, _ in told[-1]]


async def test_a_worker_that_was_away_tells_what_is_of_use_still(site: Site, north: Institution) -> None:
    badge, gone = await _issued(north, 90), await _issued(north, 70)
    assert await _after(site, 75) == [(badge, 30)]
    assert gone not in [each for each, _ in await _after(site, 84)]


async def test_nothing_is_told_of_what_was_revoked_replaced_renewed_or_suspended(
    site: Site, north: Institution
) -> None:
    ids = [await _issued(north, 90) for _ in range(5)]
    await north.revoke(ids[0])
    for badge, command in zip(ids[1:4], ("replace", "renew", "suspend"), strict=True):
        answer = await north.change(badge, command, **({"reason": "other"} if command == "suspend" else {}))
        assert answer.status_code in (200, 201), answer.text
    [replacement] = await site.rows("select id from credentials where replaces is not null")
    assert sorted(await _after(site, 31)) == sorted([(ids[4], 60), (str(replacement["id"]), 60)])
    await north.change(ids[3], "reinstate", reason="other")
    assert (ids[3], 30) in await _after(site, 61)


async def test_an_institution_says_at_which_days_and_a_new_number_begins_when_it_is_said(
    site: Site, north: Institution
) -> None:
    south = await site.institution()
    theirs, ours, later = await _issued(south, 100), await _issued(north, 100), await _issued(north, 200)
    path = f"/v1/institutions/{north.id}/settings"
    await north.client.put(path, json={"expiring_days": [150, 10]})
    assert await _after(site, 0) == []
    assert await _after(site, 41) == [(theirs, 60)]
    assert await _after(site, 51) == [(theirs, 60), (later, 150)]
    told = await _after(site, 91)
    assert (ours, 10) in told
    assert (theirs, 30) in told
    await north.client.put(path, json={"expiring_days": []})
    assert [days for badge, days in await _after(site, 191) if badge == later] == [150]


async def test_many_at_once_and_rounds_that_meet_tell_each_badge_once(site: Site, north: Institution) -> None:
    ends = (datetime.now(UTC) + 61 * DAY).isoformat()
    achievement = await north.achievement()
    body = {"achievement_id": achievement, "valid_until": ends, "recipients": learners(450)}
    assert (await north.client.post("/v1/credentials/batch", json=body)).status_code == 200
    moved = await moved_clock(site, 1.1 * DAY)
    await asyncio.gather(*[tell_due(moved.worker) for _ in range(3)])
    await tell_due(moved.worker)
    told = await site.told(TYPE)
    assert len(told) == len({each["credential_id"] for each in told}) == 450
    # A round looks at nothing twice.
    async with moved.worker.transaction() as tx:
        assert await next_page(tx, 60, timedelta(minutes=1), 10) == []
    await moved.worker.close()


async def test_what_was_told_is_told_again_word_for_word(site: Site, north: Institution) -> None:
    badge = await _issued(north, 61)
    for command in ("suspend", "reinstate"):
        assert (await north.change(badge, command, reason="other")).status_code == 200
    await _after(site, 1.1)
    ask = "select headers ->> 'ce_id' as id, value from outbox where headers ->> 'ce_type' = $1"
    [before] = await site.rows(ask, TYPE)
    assert orjson.loads(before["value"])["version"] == 3
    await north.revoke(badge)
    await refeed(site.worker)
    assert [tuple(each) for each in await site.rows(ask, TYPE)] == [tuple(before)] * 2
