"""A badge is revoked once, for good, by whom it belongs to, and everybody is told."""

import asyncio
from uuid import uuid4

from tests.integration.issuer.conftest import Institution, Site


async def test_a_revocation_is_a_version_a_bit_and_two_records(site: Site, north: Institution) -> None:
    made = (await north.issue(await north.achievement())).json()
    answer = await north.revoke(made["id"], "issued_in_error")
    assert (answer.status_code, answer.json()) == (200, {"id": made["id"], "status": "revoked", "version": 2})
    [event] = await site.told("laurel.credential.status-changed.v1")
    assert (event["version"], event["change"], event["status"]) == (2, "revoked", "revoked")
    assert event["reason"] == {"code": "issued_in_error", "note": None}
    assert event["actor"]["role"] == "institution"
    state = (await site.told("laurel.credential.state.v1"))[-1]
    assert (state["version"], state["status"]) == (2, "revoked")
    assert [entry["type"] for entry in state["history"]] == ["issued", "revoked"]
    [place] = await site.rows("select * from status_positions")
    assert place["raised"]


async def test_words_of_ones_own_are_another_reason_with_a_note(site: Site, north: Institution) -> None:
    made = (await north.issue(await north.achievement())).json()
    assert (await north.revoke(made["id"], "x" * 201)).status_code == 422
    assert (await north.revoke(made["id"], "  ")).status_code == 422
    await north.revoke(made["id"], "The examiner was not examined.")
    [event] = await site.told("laurel.credential.status-changed.v1")
    assert event["reason"] == {"code": "other", "note": "The examiner was not examined."}


async def test_revoking_twice_or_at_once_is_done_once_and_answers_the_same(site: Site, north: Institution) -> None:
    made = (await north.issue(await north.achievement())).json()
    answers = await asyncio.gather(*[north.revoke(made["id"]) for _ in range(10)])
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["version"] for answer in answers} == {2}
    assert len(await site.told("laurel.credential.status-changed.v1")) == 1


async def test_a_stale_if_match_is_412_and_changes_nothing(site: Site, north: Institution) -> None:
    made = (await north.issue(await north.achievement())).json()
    stale = await north.revoke(made["id"], **{"If-Match": '"7"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_changed")
    assert await site.told("laurel.credential.status-changed.v1") == []
    tag = (await north.client.get(f"/v1/credentials/{made['id']}")).headers["ETag"]
    assert (await north.revoke(made["id"], **{"If-Match": tag})).status_code == 200


async def test_revoking_needs_the_scope_revoke_and_issuing_the_scope_issue(north: Institution) -> None:
    achievement = await north.achievement()
    made = (await north.issue(achievement)).json()
    for scopes, allowed in ((["issue"], False), (["revoke"], True)):
        client = await north.key(scopes=scopes)
        answer = await client.post(f"/v1/credentials/{made['id']}/revoke", json={"reason": "withdrawn"})
        assert answer.status_code == (200 if allowed else 403)
        body = {"achievement_id": achievement, "recipient": {"email": "a@example.org"}}
        assert (await client.post("/v1/credentials", json=body)).status_code == (403 if allowed else 201)
        await client.aclose()


async def test_what_is_not_there_is_404(north: Institution) -> None:
    assert (await north.revoke(str(uuid4()))).status_code == 404


async def test_credentials_are_listed_newest_first_by_achievement_and_status(north: Institution) -> None:
    bridges, roads = await north.achievement(), await north.achievement(name="Roads")
    ids = [(await north.issue(achievement)).json()["id"] for achievement in (bridges, bridges, roads, bridges)]
    await north.revoke(ids[1])

    async def listed(**query: str) -> list[str]:
        found, cursor = [], None
        while True:
            page = {**query, **({"cursor": cursor} if cursor else {}), "limit": "2"}
            answer = await north.client.get("/v1/credentials", params=page)
            assert answer.status_code == 200, answer.text
            found += [item["id"] for item in answer.json()["items"]]
            cursor = answer.json()["next"]
            if cursor is None:
                return found

    assert await listed() == ids[::-1]
    assert await listed(achievement_id=bridges) == [ids[3], ids[1], ids[0]]
    assert await listed(status="revoked") == [ids[1]]
    assert await listed(achievement_id=roads, status="revoked") == []
    assert (await north.client.get("/v1/credentials", params={"status": "lost"})).status_code == 422
