"""Many badges are looked at, confirmed as they were seen, and refused where they have changed since."""

import asyncio
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.issuer.domain.selection import Selection
from services.issuer.store import revocations as store
from tests.integration.issuer import jobs
from tests.integration.issuer.conftest import Institution, Site

WHY = {"reason": "issued_in_error"}


async def issued(north: Institution, achievement: str, count: int) -> list[str]:
    """Issue badges to as many learners; return their ids."""
    rows = [{"email": f"learner{n}@example.org"} for n in range(count)]
    return [each["id"] for each in (await north.batch(achievement, rows)).json()["results"]]


async def look(client: httpx.AsyncClient, **selection: Any) -> dict[str, Any]:
    """Ask for a preview."""
    answer = await client.post("/v1/revocations", json={**WHY, **selection, "dry_run": True})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def confirm(client: httpx.AsyncClient, digest: str, key: str | None = None, **selection: Any) -> httpx.Response:
    """Confirm a preview."""
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/v1/revocations", json={**WHY, **selection, "digest": digest}, headers=headers)


async def test_a_preview_counts_badges_and_learners_and_changes_nothing(site: Site, north: Institution) -> None:
    bridges, roads = await north.achievement(), await north.achievement(name="Roads")
    ids = [*await issued(north, bridges, 12), *await issued(north, roads, 3)]
    await north.revoke(ids[0])
    seen = await look(north.client, issued_from="2026-01-01T00:00:00Z")
    assert (seen["badges"], seen["learners"], seen["already_revoked"]) == (15, 12, 1)
    assert seen["by_status"] == {"issued": 14, "revoked": 1}
    assert seen["by_achievement"] == [
        {"achievement_id": bridges, "badges": 12},
        {"achievement_id": roads, "badges": 3},
    ]
    assert len({each["id"] for each in seen["samples"]} & set(ids)) == 10
    assert await site.rows("select from revocations") == []
    assert len(await site.told("laurel.credential.status-changed.v1")) == 1


async def test_selections_narrow_each_other(site: Site, north: Institution) -> None:
    bridges, roads = await north.achievement(), await north.achievement(name="Roads")
    first, second = await issued(north, bridges, 2), await issued(north, roads, 3)
    path = f"/v1/institutions/{north.id}/signing-keys"
    [key] = [each["id"] for each in (await north.client.get(path)).json()["items"] if each["algorithm"] == "EdDSA"]
    times = {row["id"]: row["issued_at"] for row in await site.rows("select id, issued_at from credentials")}
    between = times[UUID(second[0])].isoformat()
    for selection, badges in (
        ({"achievement_id": bridges}, 2),
        ({"ids": [*first, *second, *second]}, 5),
        ({"ids": first, "achievement_id": roads}, 0),
        ({"signing_key_id": key}, 5),
        ({"signing_key_id": key, "achievement_id": roads}, 3),
        ({"issued_from": between}, 3),
        ({"issued_to": between}, 2),
        ({"issued_from": "2026-01-01T00:00:00Z", "issued_to": between, "ids": first[:1]}, 1),
    ):
        assert (await look(north.client, **selection))["badges"] == badges, selection
        if "ids" not in selection:
            listed = await north.client.get("/v1/credentials", params=selection)
            assert len(listed.json()["items"]) == badges, selection


async def test_what_one_job_has_issued_is_selected_by_it(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    first = await jobs.sent(north, achievement, jobs.csv_of(range(3)), auto_confirm=True)
    await jobs.work(site)
    second = await jobs.sent(north, achievement, jobs.csv_of(range(5)), auto_confirm=True)
    await jobs.work(site)
    assert [(await look(north.client, job_id=each))["badges"] for each in (first, second)] == [3, 2]
    assert len((await north.client.get("/v1/credentials", params={"job_id": second})).json()["items"]) == 2


async def test_a_confirmation_is_done_once_by_whom_it_was_confirmed(site: Site, north: Institution) -> None:
    ids = await issued(north, await north.achievement(), 7)
    await north.revoke(ids[0])
    seen = await look(north.client, ids=ids)
    answers = [await confirm(north.client, seen["digest"], "one", ids=ids) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    begun = answers[0].json()
    assert begun["id"] == answers[1].json()["id"]
    assert (begun["state"], begun["badges"], begun["done"], begun["selection"]) == ("running", 7, 0, {"ids": 7})
    worker = site.revoker(3)
    assert [await worker.round() for _ in range(4)] == [3, 3, 1, 0]
    done = (await north.client.get(f"/v1/revocations/{begun['id']}")).json()
    assert (done["state"], done["revoked"], done["already_revoked"]) == ("done", 6, 1)
    listed = (await north.client.get(f"/v1/revocations/{begun['id']}/badges")).json()["items"]
    assert {each["id"]: each["outcome"] for each in listed} == {
        each: "already_revoked" if each == ids[0] else "revoked" for each in ids
    }
    events = await site.told("laurel.credential.status-changed.v1")
    assert len({event["credential_id"] for event in events}) == len(events) == 7
    assert {event["actor"]["key_id"] for event in events} == {begun["confirmed_by"]}
    assert {event["reason"]["code"] for event in events[1:]} == {"issued_in_error"}
    assert {row["raised"] for row in await site.rows("select raised from status_positions")} == {True}


async def test_a_confirmation_of_what_has_changed_since_is_refused_with_the_new_counts(
    site: Site, north: Institution
) -> None:
    achievement = await north.achievement()
    ids = await issued(north, achievement, 3)
    seen = await look(north.client, achievement_id=achievement)
    await north.revoke(ids[1])
    answer = await confirm(north.client, seen["digest"], achievement_id=achievement)
    assert (answer.status_code, answer.json()["code"]) == (409, "selection_changed")
    assert (answer.json()["now"]["badges"], answer.json()["now"]["already_revoked"]) == (3, 1)
    seen = await look(north.client, achievement_id=achievement)
    await issued(north, achievement, 1)
    answer = await confirm(north.client, seen["digest"], achievement_id=achievement)
    assert (answer.status_code, answer.json()["now"]["badges"]) == (409, 4)
    seen = await look(north.client, achievement_id=achievement)
    for other in ({"ids": ids}, {"achievement_id": achievement, "reason": "withdrawn"}):
        assert (await confirm(north.client, seen["digest"], **other)).status_code == 409
    assert await site.rows("select from revocations") == await site.rows("select from revocation_items") == []
    assert (await confirm(north.client, seen["digest"], achievement_id=achievement)).status_code == 202


async def test_a_dry_run_names_all_badges_if_asked_and_its_digest_stays_the_same(
    site: Site, north: Institution
) -> None:
    south = await site.institution()
    foreign = await issued(south, await south.achievement(), 2)
    ids = [*await issued(north, await north.achievement(), 12), *await issued(north, await north.achievement(), 3)]
    for selection, named in (
        ({"issued_from": "2026-01-01T00:00:00Z"}, ids),
        ({"ids": [*ids[:3], ids[0]]}, ids[:3]),
        ({"issued_to": "2026-01-01T00:00:00Z"}, []),
    ):
        seen, plain = await look(north.client, with_ids=True, **selection), await look(north.client, **selection)
        assert seen == {**plain, "credential_ids": sorted(named)}
        assert plain["credential_ids"] is None
    body = {**WHY, "ids": foreign, "dry_run": True, "with_ids": True}
    assert (await north.client.post("/v1/revocations", json=body)).status_code == 404
    seen = await look(north.client, with_ids=True, ids=ids)
    for more in ({"digest": seen["digest"]}, {}):
        answer = await north.client.post("/v1/revocations", json={**WHY, "ids": ids, "with_ids": True, **more})
        assert answer.status_code == 422
    answer = await north.client.post("/v1/revocations", json={**WHY, "ids": ids, "digest": seen["digest"]})
    assert answer.status_code == 202


async def test_of_more_badges_than_are_named_none_is(site: Site, north: Institution) -> None:
    ids = [UUID(each) for each in await issued(north, await north.achievement(), 3)]
    async with site.worker.transaction() as tx:
        found = [await store.preview(tx, UUID(str(north.id)), Selection(ids=tuple(ids)), most) for most in (2, 3, None)]
    assert [each["ids"] is None for each in found] == [True, False, True]
    assert len({each["digest"] for each in found}) == 1


async def test_another_institutions_badges_and_revocations_are_404_and_none_is_passed_over(
    site: Site, north: Institution
) -> None:
    south = await site.institution()
    own, foreign = await issued(north, await north.achievement(), 1), await issued(south, await south.achievement(), 2)
    body = {**WHY, "dry_run": True}
    answer = await north.client.post("/v1/revocations", json={**body, "ids": [*own, *foreign, foreign[0]]})
    assert (answer.status_code, answer.json()["code"]) == (404, "credentials_not_found")
    assert (answer.json()["count"], answer.json()["first"]) == (2, foreign[0])
    key = (await site.rows("select id from signing_keys where institution_id = $1", south.id))[0]["id"]
    for selection in ({"achievement_id": str(uuid4())}, {"signing_key_id": str(key)}):
        assert (await north.client.post("/v1/revocations", json={**body, **selection})).status_code == 404
        assert (await north.client.get("/v1/credentials", params=selection)).status_code == 404
    seen = await look(south.client, ids=foreign)
    begun = (await confirm(south.client, seen["digest"], ids=foreign)).json()
    path = f"/v1/revocations/{begun['id']}"
    answers = [await north.client.get(path + end) for end in ("", "/badges", "/events")]
    answers += [await north.client.post(f"{path}/{command}") for command in ("pause", "resume", "cancel")]
    assert {answer.status_code for answer in answers} == {404}
    assert (await north.client.get("/v1/revocations")).json()["items"] == []
    assert [each["id"] for each in (await south.client.get("/v1/revocations")).json()["items"]] == [begun["id"]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": ["x"]},
        {"issued_from": "2026-01-02T00:00:00Z", "issued_to": "2026-01-01T00:00:00Z"},
        {"issued_from": "2026-01-02T00:00:00Z", "digest": "0" * 64},
        {"issued_from": "2026-01-02T00:00:00Z", "dry_run": False},
        {"issued_from": "2026-01-02T00:00:00Z", "status": "revoked"},
        {"issued_from": "2026-01-02T00:00:00Z", "reason": "  "},
    ],
)
async def test_what_selects_nothing_or_says_two_things_is_422(north: Institution, body: dict[str, Any]) -> None:
    answer = await north.client.post("/v1/revocations", json={**WHY, "dry_run": True, **body})
    assert answer.status_code == 422, answer.text


async def test_looking_and_confirming_need_the_scope_revoke_and_an_auditor_may_follow(north: Institution) -> None:
    [badge] = await issued(north, await north.achievement(), 1)
    auditor, revoker = await north.key(scopes=["auditor"]), await north.key(scopes=["revoke"])
    answer = await auditor.post("/v1/revocations", json={**WHY, "ids": [badge], "dry_run": True})
    assert answer.status_code == 403
    begun = (await confirm(revoker, (await look(revoker, ids=[badge]))["digest"], ids=[badge])).json()
    assert (await auditor.get(f"/v1/revocations/{begun['id']}")).status_code == 200
    assert (await auditor.post(f"/v1/revocations/{begun['id']}/cancel")).status_code == 403
    await asyncio.gather(auditor.aclose(), revoker.aclose())


async def test_nothing_is_no_revocation_and_ten_at_once_are_enough(north: Institution) -> None:
    achievement = await north.achievement()
    seen = await look(north.client, achievement_id=achievement)
    answer = await confirm(north.client, seen["digest"], achievement_id=achievement)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_selected")
    answers = []
    for each in await issued(north, achievement, 11):
        seen = await look(north.client, ids=[each])
        answers.append(await confirm(north.client, seen["digest"], ids=[each]))
    assert [answer.status_code for answer in answers] == [202] * 10 + [409]
    assert answers[-1].json()["code"] == "too_many_revocations"


async def test_a_confirmation_that_is_sent_again_begins_no_second_revocation(site: Site, north: Institution) -> None:
    ids = await issued(north, await north.achievement(), 3)
    seen = await look(north.client, ids=ids)
    answers = await asyncio.gather(*[confirm(north.client, seen["digest"], ids=ids) for _ in range(5)])
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await site.rows("select from revocations")) == 1


async def test_the_databases_digest_is_that_of_ids_and_versions_in_order(site: Site, north: Institution) -> None:
    expected: dict[UUID, int] = {}
    for count in (0, 1, 999, 1, 1500):
        expected |= {uuid4(): n % 7 + 1 for n in range(count)}
        async with site.worker.transaction() as tx:
            await tx.execute(
                """
                insert into credentials (id, institution_id, kind, signing_key_id, version, status, document_digest,
                                         issued_at)
                select id, $1, 'generic', $1, version, 'issued', '', now()
                from unnest($2::uuid[], $3::int[]) as made(id, version) on conflict do nothing
                """,
                north.id,
                list(expected.keys()),
                list(expected.values()),
            )
            found = await store.preview(tx, north.id, Selection(signing_key_id=north.id))
        rows = [each.bytes + version.to_bytes(4, "big") for each, version in sorted(expected.items())]
        pieces = [sha256(b"".join(rows[start : start + 1000])).digest() for start in range(0, len(rows), 1000)]
        assert (found["badges"], found["digest"]) == (len(expected), sha256(b"".join(pieces)).digest())
