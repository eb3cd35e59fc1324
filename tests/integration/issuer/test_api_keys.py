"""API keys open what they were made for, until they expire or are revoked."""

import asyncio

import httpx

from tests.integration.issuer.conftest import Institution, Site
from tests.support.people import bearer


async def test_a_key_gives_no_more_than_it_has_and_by_default_the_same(site: Site, north: Institution) -> None:
    same = (await north.client.post("/v1/api-keys", json={"name": "same"})).json()
    assert same["scopes"] == ["issue", "manage", "read", "revoke"]
    helper = await north.key(scopes=["manage", "issue"])
    assert (await helper.post("/v1/api-keys", json={"name": "x", "scopes": ["revoke"]})).status_code == 403
    assert (await helper.post("/v1/api-keys", json={"name": "x", "scopes": ["issue"]})).status_code == 201
    assert (await helper.post("/v1/api-keys", json={"name": "x", "scopes": ["verify"]})).status_code == 422
    assert (await helper.post("/v1/api-keys", json={"name": "x", "institution_id": str(north.id)})).status_code == 422
    await helper.aclose()


async def test_an_auditor_reads_and_changes_nothing(north: Institution) -> None:
    achievement = await north.achievement()
    auditor = await north.key(scopes=["auditor"])
    assert (await auditor.get(f"/v1/achievements/{achievement}")).status_code == 200
    assert (await auditor.get("/v1/credentials")).status_code == 200
    assert (await auditor.post(f"/v1/achievements/{achievement}/publish")).status_code == 403
    assert (await auditor.post("/v1/api-keys", json={"name": "x"})).status_code == 403
    await auditor.aclose()


async def test_an_expired_or_revoked_key_is_401_and_its_state_is_told(site: Site, north: Institution) -> None:
    expired = await north.key(expires_at="2020-01-01T00:00:00Z")
    assert (await expired.get("/v1/credentials")).status_code == 401
    helper = await north.key()
    key_id = helper.headers["Authorization"].split("_")[1]
    for _ in range(2):
        assert (await north.client.delete(f"/v1/api-keys/{key_id}")).status_code == 204
    answer = await helper.get("/v1/credentials")
    assert (answer.status_code, answer.json()["code"]) == (401, "key_no_longer_valid")
    states = [each for each in await site.told("laurel.institution-api-key.state.v1") if each["version"] == 2]
    assert len(states) == 1
    assert states[0]["revoked_at"] is not None
    for client in (expired, helper):
        await client.aclose()


async def test_the_secret_stands_nowhere(site: Site, north: Institution) -> None:
    secret = north.api_key.split("_", 2)[2]
    for row in await site.rows("select * from api_keys"):
        assert secret not in str(dict(row))
    for row in await site.rows("select value from outbox"):
        assert secret.encode() not in row["value"]
    assert secret not in (await north.client.get("/v1/api-keys")).text


async def test_the_last_key_that_can_make_keys_stays_even_in_a_race(north: Institution) -> None:
    other = await north.key()
    own, others = (each.headers["Authorization"].split("_")[1] for each in (north.client, other))
    answers = await asyncio.gather(north.client.delete(f"/v1/api-keys/{own}"), other.delete(f"/v1/api-keys/{others}"))
    assert sorted(answer.status_code for answer in answers) in ([204, 409], [204, 401])
    await other.aclose()


async def test_an_expired_key_is_no_other_key_to_make_keys_with(north: Institution) -> None:
    await (await north.key(expires_at="2020-01-01T00:00:00Z")).aclose()
    own = north.client.headers["Authorization"].split("_")[1]
    answer = await north.client.delete(f"/v1/api-keys/{own}")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_managing_key")


async def test_the_operator_makes_a_key_for_an_institution_that_lost_its_own(site: Site, north: Institution) -> None:
    body = {"name": "recovery", "institution_id": str(north.id)}
    made = await site.operator.post("/v1/api-keys", json=body)
    assert made.status_code == 201
    async with httpx.AsyncClient(base_url=site.url, headers=bearer(made.json()["api_key"])) as client:
        names = [key["name"] for key in (await client.get("/v1/api-keys")).json()["items"]]
    assert names == ["first key", "recovery"]
    assert (await site.operator.post("/v1/api-keys", json={"name": "x"})).status_code == 422


async def test_a_key_in_the_query_string_is_refused(site: Site, north: Institution) -> None:
    answer = await site.operator.get("/v1/credentials", params={"key": north.api_key})
    assert (answer.status_code, answer.json()["code"]) == (400, "key_in_query")
