"""An institution decides for itself when it is told of badges that run out, and who confirms its jobs."""

from typing import Any

from tests.integration.issuer.conftest import Institution, Site


def _path(institution: Institution) -> str:
    return f"/v1/institutions/{institution.id}/settings"


async def test_an_institution_that_has_decided_nothing_hears_at_60_30_and_7_days(north: Institution) -> None:
    answer = await north.client.get(_path(north))
    assert answer.json() == {"expiring_days": [60, 30, 7], "second_key_confirms": False}
    assert answer.headers["etag"] == '"0"'


async def test_settings_are_written_whole_and_only_over_what_was_read(site: Site, north: Institution) -> None:
    written = await north.client.put(
        _path(north), json={"expiring_days": [7, 90], "second_key_confirms": True}, headers={"If-Match": '"0"'}
    )
    assert written.json() == {"expiring_days": [90, 7], "second_key_confirms": True}
    assert (await north.client.get(_path(north))).json() == written.json()
    late = await north.client.put(_path(north), json={}, headers={"If-Match": '"0"'})
    assert (late.status_code, late.json()["code"]) == (412, "version_changed")
    back = await north.client.put(_path(north), json={}, headers={"If-Match": written.headers["etag"]})
    assert back.json() == {"expiring_days": [60, 30, 7], "second_key_confirms": False}
    [row] = await site.rows("select version, actor_role, actor_key_id from institution_settings")
    assert (row["version"], row["actor_role"]) == (2, "institution")
    assert row["actor_key_id"].replace("-", "") in north.api_key


async def test_days_are_between_a_day_and_a_year_and_each_once(north: Institution) -> None:
    wrong: list[Any] = [[0], [366], [7, 7], list(range(1, 12)), ["x"], None]
    for days in wrong:
        assert (await north.client.put(_path(north), json={"expiring_days": days})).status_code == 422
    assert (await north.client.put(_path(north), json={"expiring_days": []})).json()["expiring_days"] == []


async def test_anothers_settings_are_404_and_reading_keys_write_none(site: Site, north: Institution) -> None:
    south = await site.institution()
    assert (await south.client.get(_path(north))).status_code == 404
    assert (await south.client.put(_path(north), json={})).status_code == 404
    async with await north.key(scopes=["read"]) as reader:
        assert (await reader.get(_path(north))).status_code == 200
        assert (await reader.put(_path(north), json={})).status_code == 403
