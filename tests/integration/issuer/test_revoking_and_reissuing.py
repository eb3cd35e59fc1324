"""Many badges are revoked and issued once more under the key in use now, each once, whoever is killed on the way."""

from typing import Any

import pytest

from services.issuer.store import revocations as store
from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.integration.issuer.test_revocations import confirm, issued, look
from tests.integration.issuer.test_revoking_many import ended

ASKED = {"reason": "key_compromise", "reissue": True}


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    made: Site = await make_site(public_url="https://badges.example")
    return made


async def begun(north: Institution, ids: list[str], **members: Any) -> str:
    """Confirm that badges are revoked and issued once more; return the revocation's path."""
    seen = await look(north.client, ids=ids, **{**ASKED, **members})
    answer = await confirm(north.client, seen["digest"], ids=ids, **{**ASKED, **members})
    assert answer.status_code == 202, answer.text
    return f"/v1/revocations/{answer.json()['id']}"


async def outcomes(north: Institution, path: str) -> dict[str, tuple[str | None, str | None, str | None]]:
    """What became of each badge."""
    items = (await north.client.get(f"{path}/badges", params={"limit": 200})).json()["items"]
    return {each["id"]: (each["outcome"], each["replaced_by"], each["trouble"]) for each in items}


async def test_each_has_a_successor_under_the_new_key_and_both_name_each_other(site: Site, north: Institution) -> None:
    ids = await issued(north, await north.achievement(), 70)
    rotated = (await north.client.post(f"/v1/institutions/{north.id}/signing-keys")).json()
    path, worker = await begun(north, ids), site.revoker(50)
    assert [await worker.round() for _ in range(3)] == [50, 20, 0]
    done = await ended(north, path)
    assert done
    assert (done["revoked"], done["reissued"], done["already_revoked"]) == (70, 70, 0)
    rows = await site.rows("select * from credentials where replaces is not null")
    assert {str(row["signing_key_id"]) for row in rows} == {rotated["id"]}
    new = {str(row["replaces"]): ("revoked", str(row["id"]), None) for row in rows}
    assert await outcomes(north, path) == new
    told = await site.told("laurel.credential.status-changed.v1")
    assert {(each["reason"]["code"], each["actor"]["key_id"]) for each in told} == {
        ("key_compromise", done["confirmed_by"])
    }


async def test_killed_after_the_new_badges_were_stored_it_counts_them_and_makes_no_others(
    site: Site, north: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await issued(north, await north.achievement(), 5)
    path = await begun(north, ids)

    async def dies(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(store, "finish", dies)
        with pytest.raises(ConnectionError):
            await site.revoker().round()
    assert len(await site.rows("select from credentials")) == 10
    assert await site.revoker().round() == 5
    done = await ended(north, path)
    assert done
    assert (done["revoked"], done["reissued"]) == (5, 5)
    assert len(await site.rows("select from credentials")) == 10


async def test_what_cannot_be_issued_once_more_is_revoked_all_the_same_and_says_why(
    site: Site, north: Institution
) -> None:
    achievement = await north.achievement(suspendable=True)
    good, suspended, revoked, expired = await issued(north, achievement, 4)
    await north.client.post(f"/v1/credentials/{suspended}/suspend", json={"reason": "other"})
    await north.revoke(revoked)
    path = await begun(north, [good, suspended, revoked, expired])
    # What it was made of is not there any more.
    await site.rows("update credentials set kind = 'generic' where id = $1", expired)
    await site.revoker().round()
    found = await outcomes(north, path)
    assert (found[good][0], bool(found[good][1]), found[good][2]) == ("revoked", True, None)
    assert found[suspended] == ("revoked", None, "suspended")
    assert found[revoked] == ("already_revoked", None, None)
    assert found[expired] == ("revoked", None, "not_a_badge")
    assert await ended(north, path)


async def test_where_it_cannot_go_on_it_is_paused_and_says_why(site: Site, north: Institution) -> None:
    ids = await issued(north, await north.achievement(), 2)
    path = await begun(north, ids)
    key_id = (await north.client.get(path)).json()["confirmed_by"]
    lacking, other = await north.key(scopes=["revoke"]), await north.key()
    await site.rows("update api_keys set revoked_at = now() where id = $1::uuid", key_id)
    assert await site.revoker().round() == 0
    [row] = await site.rows("select state, trouble from revocations")
    assert tuple(row) == ("paused", "key_no_longer_valid")
    assert len(await site.rows("select from credentials where status = 'issued'")) == 2

    async with lacking, other:
        answer = await lacking.post(f"{path}/resume")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
        assert (await other.post(f"{path}/resume")).json()["confirmed_by"] != key_id
        await site.revoker().round()
        done = (await other.get(path)).json()
    assert (done["state"], done["revoked"], done["reissued"]) == ("done", 2, 2)


async def test_issuing_once_more_needs_the_scope_issue_and_a_confirmation_of_its_own(north: Institution) -> None:
    ids = await issued(north, await north.achievement(), 1)
    seen = await look(north.client, ids=ids)
    answer = await confirm(north.client, seen["digest"], ids=ids, reissue=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "selection_changed")
    revoker = await north.key(scopes=["revoke"])
    answer = await revoker.post("/v1/revocations", json={**ASKED, "ids": ids, "dry_run": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    await revoker.aclose()
