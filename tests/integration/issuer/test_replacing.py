"""A badge in place of another: one transaction makes the new one, revokes the old one, and links both ways."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.issuer.handlers.refeed import refeed
from tests.integration.issuer.conftest import Institution, Site
from tests.support.poll import eventually

FORMATS = ["eddsa-rdfc-2022", "eddsa-jcs-2022"]
TERMS = {
    "recipient": {"name": "Ada", "email": "ada@example.org"},
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_until": "2126-01-01T00:00:00Z",
    "renewable_until": "2126-02-01T00:00:00Z",
    "evidence": [{"name": "A bridge", "description": "It stands."}],
    "results": [{"value": "A"}],
}


async def _issued(institution: Institution, **members: Any) -> dict[str, Any]:
    answer = await institution.issue(await institution.achievement(), **{**TERMS, **members})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def _without_its_own(document: dict[str, Any]) -> dict[str, Any]:
    """A badge without what no two badges share: id, place in a status list, salt of the address, signature."""
    rest = {name: value for name, value in document.items() if name not in ("id", "credentialStatus", "proof")}
    subject = dict(rest["credentialSubject"])
    names = [each for each in subject.pop("identifier", []) if each["identityType"] == "name"]
    return {**rest, "credentialSubject": subject, "names": names}


async def test_without_differences_it_is_the_same_badge_once_more(site: Site, north: Institution) -> None:
    old = await _issued(north, formats=FORMATS)
    answer = await north.change(old["id"], "replace")
    new = answer.json()
    assert (answer.status_code, new["status"], new["state"], new["version"]) == (201, "issued", "issued", 1)
    assert _without_its_own(new["credential"]) == _without_its_own(old["credential"])
    assert [proof["cryptosuite"] for proof in new["credential"]["proof"]] == FORMATS
    assert new["renewable_until"] == old["renewable_until"]
    emails = await site.rows("select email from credential_contents")
    assert [row["email"] for row in emails] == ["ada@example.org"] * 2


async def test_both_are_linked_and_the_old_one_is_revoked_as_superseded(site: Site, north: Institution) -> None:
    old = await _issued(north)
    new = (await north.change(old["id"], "replace", reason="The name was wrong.")).json()
    then = await north.credential(old["id"])
    assert (then["status"], then["state"], then["version"], then["replaced_by"]) == (
        "revoked",
        "replaced",
        2,
        new["id"],
    )
    assert new["replaces"] == old["id"]
    [changed] = await site.told("laurel.credential.status-changed.v1")
    assert changed["reason"] == {"code": "superseded", "note": "The name was wrong."}
    assert changed["replaced_by"] == new["id"]
    assert (await site.told("laurel.credential.issued.v1"))[-1]["replaces"] == old["id"]
    states = await site.told("laurel.credential.state.v1")
    assert [(state["replaces"], state["replaced_by"]) for state in states] == [
        (None, None), (old["id"], None), (None, new["id"]),
    ]  # fmt: skip
    rows = await site.rows("select credential_id from status_positions where raised")
    assert [str(row["credential_id"]) for row in rows] == [old["id"]]


async def test_what_is_asked_for_is_different_and_null_takes_away(north: Institution) -> None:
    old = await _issued(north)
    members = {"recipient": {"name": "Ada King"}, "valid_until": None, "results": [], "formats": ["vc+jwt"]}
    new = (await north.change(old["id"], "replace", **members)).json()
    document = new["credential"]
    assert "validUntil" not in document
    assert "result" not in document["credentialSubject"]
    assert document["evidence"] == old["credential"]["evidence"]
    assert _without_its_own(document)["names"][0]["identityHash"] == "Ada King"
    assert new["token"]
    assert new["renewable_until"] is None
    nobody = await north.change(new["id"], "replace", recipient={"email": None})
    assert (nobody.status_code, nobody.json()["code"]) == (422, "recipient_missing")


async def test_it_is_of_the_newest_published_version_and_signed_with_the_key_in_use(make_site: Any) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await site.institution()
    old = await _issued(north)
    await north.client.post(f"/v1/institutions/{north.id}/signing-keys")
    path = f"/v1/achievements/{old['achievement_id']}"
    content = {"name": "Bridges", "description": "Builds.", "criteria": {"narrative": "One."}}
    assert (await north.client.put(path, json=content)).status_code == 200
    assert (await north.client.post(f"{path}/publish")).status_code == 200
    new = (await north.change(old["id"], "replace")).json()
    assert (new["achievement_version"], new["credential"]["name"]) == (2, "Bridges")
    methods = [each["credential"]["proof"]["verificationMethod"] for each in (old, new)]
    assert methods[0] != methods[1]


async def test_a_badge_is_replaced_once_and_a_revoked_one_never(site: Site, north: Institution) -> None:
    old, gone = await _issued(north), await _issued(north)
    new = (await north.change(old["id"], "replace")).json()
    for command in ("replace", "renew"):
        again = await north.change(old["id"], command)
        assert (again.status_code, again.json()["code"], again.json()["id"]) == (409, "already_replaced", new["id"])
    await north.revoke(gone["id"])
    for command in ("replace", "renew"):
        answer = await north.change(gone["id"], command)
        assert (answer.status_code, answer.json()["code"]) == (409, "status_does_not_allow")
    assert len(await site.rows("select from credentials")) == 3


async def test_of_many_that_replace_at_once_one_does(site: Site, north: Institution) -> None:
    old = await _issued(north)
    answers = await asyncio.gather(*[north.change(old["id"], "replace") for _ in range(8)])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    [new] = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert {answer.json()["id"] for answer in answers if answer.status_code == 409} == {new}
    assert len(await site.told("laurel.credential.issued.v1")) == 2


async def test_a_stale_if_match_is_412_and_makes_nothing(site: Site, north: Institution) -> None:
    old = await _issued(north)
    for command in ("replace", "renew"):
        stale = await north.change(old["id"], command, if_match='"7"')
        assert (stale.status_code, stale.json()["code"]) == (412, "version_changed")
    assert len(await site.rows("select from credentials")) == 1
    assert (await north.change(old["id"], "replace", if_match='"1"')).status_code == 201


@pytest.mark.parametrize("command", ["replace", "renew"])
async def test_under_one_key_it_is_done_once_and_answers_the_same(site: Site, north: Institution, command: str) -> None:
    old, south = await _issued(north), await site.institution()
    answers = await asyncio.gather(*[north.change(old["id"], command, "k", if_match='"1"') for _ in range(50)])
    codes = {(answer.status_code, answer.json().get("code")) for answer in answers}
    assert (201, None) in codes
    assert codes <= {(201, None), (409, "request_in_progress")}
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1
    assert len(await site.rows("select from credentials")) == 2
    # Hours later it hears the same, whatever became of either.
    await north.revoke(next(answer.json()["id"] for answer in answers if answer.status_code == 201))
    again = await north.change(old["id"], command, "k", if_match='"1"')
    assert again.text in {answer.text for answer in answers}
    other = await north.change(old["id"], command, "k", valid_from="2026-02-02T00:00:00Z")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    long = await north.change(old["id"], command, "k" * 10_000)
    assert (long.status_code, long.json()["code"]) == (400, "idempotency_key_malformed")
    theirs = await _issued(south)
    assert (await south.change(theirs["id"], command, "k")).status_code == 201


@pytest.mark.parametrize("command", ["replace", "renew"])
async def test_a_repetition_that_meets_the_first_call_half_way_hears_its_answer(
    site: Site, north: Institution, command: str
) -> None:
    old = await _issued(north)
    first = await north.change(old["id"], command, "k")
    async with site.worker.transaction() as tx:
        # As though the first call were about to end: its claim is not to be seen yet, and it has the old badge.
        (claimed,) = await tx.fetch("delete from idempotency where key = 'k' returning *")
    async with site.worker.transaction() as tx:
        await tx.execute("select from credentials where id = $1 for update", UUID(old["id"]))
        second = asyncio.create_task(north.change(old["id"], command, "k"))
        waiting = "select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))"
        await eventually(lambda: tx.fetch(waiting))
        columns = ("tenant_id", "key", "row", "digest", "status", "resource_id")
        await tx.execute(
            f"insert into idempotency ({', '.join(columns)}) values ($1, $2, $3, $4, $5, $6)",
            *(claimed[name] for name in columns),
        )
    assert ((await second).status_code, (await second).text) == (201, first.text)


async def test_anothers_and_unknown_badges_are_404_and_a_replacing_key_may_issue_and_revoke(
    site: Site, north: Institution
) -> None:
    old, south = await _issued(north), await site.institution()
    for command in ("replace", "renew"):
        assert (await south.change(old["id"], command)).status_code == 404
        assert (await north.change(str(uuid4()), command)).status_code == 404

    async def with_scopes(scopes: list[str], command: str) -> httpx.Response:
        async with await north.key(scopes=scopes) as client:
            return await client.post(f"/v1/credentials/{old['id']}/{command}", json={})

    assert (await with_scopes(["issue"], "replace")).json()["code"] == "scope_missing"
    assert (await with_scopes(["revoke"], "replace")).json()["code"] == "scope_missing"
    assert (await with_scopes(["revoke"], "renew")).json()["code"] == "scope_missing"
    assert (await with_scopes(["issue", "revoke"], "replace")).status_code == 201


async def test_what_is_told_again_is_word_for_word_what_was_told(site: Site, north: Institution) -> None:
    replaced, renewed = await _issued(north), await _issued(north)
    await north.change(replaced["id"], "replace", reason="key_compromise")
    await north.change(renewed["id"], "renew")
    kinds = [f"laurel.credential.{kind}.v1" for kind in ("issued", "status-changed", "state")]
    ask = "select distinct headers ->> 'ce_id' as id, value from outbox where headers ->> 'ce_type' = any($1)"
    told = {(row["id"], row["value"]) for row in await site.rows(ask, kinds)}
    await refeed(site.worker)
    assert {(row["id"], row["value"]) for row in await site.rows(ask, kinds)} == told


async def test_what_an_institution_wrote_itself_it_writes_anew(site: Site, north: Institution) -> None:
    old = await _issued(north)
    await site.rows("update credentials set kind = 'generic'")
    for command in ("replace", "renew"):
        answer = await north.change(old["id"], command)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_a_badge")
