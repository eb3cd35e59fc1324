"""A key that somebody else may have had is withdrawn since a time in the past, and another one signs from now on."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from tests.integration.issuer.conftest import Institution, MakeSite, Site

PUBLIC = "https://badges.example"


async def keys_of(north: Institution) -> list[dict[str, Any]]:
    """The institution's Ed25519 keys, oldest first."""
    found = (await north.client.get(f"/v1/institutions/{north.id}/signing-keys")).json()["items"]
    return [each for each in found if each["algorithm"] == "EdDSA"]


async def withdraw(north: Institution, key: str, since: datetime) -> httpx.Response:
    """Ask for a key's withdrawal."""
    path = f"/v1/institutions/{north.id}/signing-keys/{key}/withdraw"
    return await north.client.post(path, json={"since": since.isoformat()})


async def test_a_withdrawn_key_counts_as_retired_since_then_and_another_one_signs(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url=PUBLIC)
    north = await site.institution()
    achievement, [key] = await north.achievement(), await keys_of(north)
    await north.issue(achievement)
    since = datetime.fromisoformat(key["created_at"])
    answer = await withdraw(north, key["id"], since)
    assert answer.status_code == 200, answer.text
    told, used = answer.json()["withdrawn"], answer.json()["in_use"]
    assert (datetime.fromisoformat(told["retired_at"]), told["withdrawn"]) == (since, True)
    assert (used["retired_at"], used["algorithm"], used["withdrawn"]) == (None, "EdDSA", False)
    badge = (await north.issue(achievement)).json()["credential"]
    assert badge["proof"]["verificationMethod"] == used["verification_method"] != key["verification_method"]
    states = [each for each in await site.told("laurel.signing-key.state.v1") if each["key_id"] == key["id"]]
    assert [(each["version"], bool(each["retired_at"])) for each in states] == [(1, False), (2, True)]
    assert datetime.fromisoformat(states[-1]["retired_at"]) == since
    [recorded] = [each for each in await site.told("laurel.signing-key.changed.v1") if each["change"] == "retired"]
    assert (recorded["key_id"], recorded["actor"]["role"]) == (key["id"], "institution")


async def test_did_json_has_a_withdrawn_key_as_revoked_and_a_rotated_one_as_it_was(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url=PUBLIC)
    north = await site.institution()
    [first] = await keys_of(north)
    await north.client.post(f"/v1/institutions/{north.id}/signing-keys")
    [_, second] = await keys_of(north)
    await withdraw(north, second["id"], datetime.fromisoformat(second["created_at"]))
    document = (await site.operator.get(f"/institutions/{north.slug}/did.json")).json()
    revoked = {each["id"] for each in document["verificationMethod"] if "revoked" in each}
    assert revoked == {second["verification_method"], f"{north.did}#{second['id']}"}
    assert first["verification_method"] in document["assertionMethod"]


async def test_lists_are_signed_anew_by_the_new_key_at_once(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url=PUBLIC)
    north = await site.institution()
    [key] = await keys_of(north)
    await north.issue(await north.achievement())
    await site.list_signer().sign_due()
    used = (await withdraw(north, key["id"], datetime.fromisoformat(key["created_at"]))).json()["in_use"]
    assert await site.list_signer().sign_due() == 1
    signed = (await site.told("laurel.status-list.state.v1"))[-1]["credential"]
    assert signed["proof"]["verificationMethod"] == used["verification_method"]


async def test_repeated_it_changes_nothing_and_only_an_earlier_time_moves_the_border(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url=PUBLIC)
    north = await site.institution()
    [key] = await keys_of(north)
    made = datetime.fromisoformat(key["created_at"])
    now = datetime.now(UTC)
    answers = [await withdraw(north, key["id"], at) for at in (now, now, now + timedelta(0), made)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["in_use"]["id"] for answer in answers}) == 1
    later = (await withdraw(north, key["id"], now)).json()
    assert datetime.fromisoformat(later["withdrawn"]["retired_at"]) == made
    states = [each for each in await site.told("laurel.signing-key.state.v1") if each["key_id"] == key["id"]]
    assert [each["version"] for each in states] == [1, 2, 3]
    assert len(await keys_of(north)) == 2


async def test_what_cannot_be_withdrawn_is_refused_and_changes_nothing(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url=PUBLIC)
    north, south = await asyncio.gather(site.institution(), site.institution(did_method="key"))
    [key] = await keys_of(north)
    made = datetime.fromisoformat(key["created_at"])
    for since, code in (
        (made - timedelta(seconds=1), "since_before_key"),
        (datetime.now(UTC) + timedelta(hours=1), "since_in_future"),
    ):
        answer = await withdraw(north, key["id"], since)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    [one] = await keys_of(south)
    answer = await withdraw(south, one["id"], datetime.fromisoformat(one["created_at"]))
    assert (answer.status_code, answer.json()["code"]) == (409, "withdrawal_needs_did_web")
    for client, key_id in ((south, key["id"]), (north, str(uuid4()))):
        answer = await withdraw(client, key_id, made)
        assert (answer.status_code, answer.json()["code"]) == (404, "signing_key_not_found")
    issuing = await north.key(scopes=["issue", "revoke"])
    path = f"/v1/institutions/{north.id}/signing-keys/{key['id']}/withdraw"
    assert (await issuing.post(path, json={"since": made.isoformat()})).status_code == 403
    await issuing.aclose()
    assert await site.rows("select from signing_keys where retired_at is not null or withdrawn") == []
