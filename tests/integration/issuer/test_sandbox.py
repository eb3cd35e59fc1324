"""Sandbox institutions are told as such, and one command ends them: keys, badges, standing; the record stays."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.issuer.domain.plan import Order
from services.issuer.handlers.issuing import Issuing
from services.issuer.handlers.storing import Requester
from services.issuer.store import institutions
from shared.errors import LaurelError
from shared.web.auth import Principal
from tests.integration.issuer.conftest import HeldSigner, Institution, MakeSite, Site
from tests.integration.issuer.test_batch import learners
from tests.support.people import bearer
from tests.support.poll import eventually

REMOVE = "/v1/ops/remove-sandboxes"
NOTHING = {"tenants": 0, "api_keys": 0, "credentials": 0, "watches": 0}


async def remove_all(site: Site) -> dict[str, int]:
    """Call the route until it counts nothing; return the sums."""
    sums: dict[str, int] = dict(NOTHING)
    while True:
        answer = await site.operator.post(REMOVE)
        assert answer.status_code == 200, answer.text
        if answer.json() == NOTHING:
            return sums
        sums = {name: count + answer.json()[name] for name, count in sums.items()}


async def states(site: Site, kind: str, institution: Institution) -> list[dict[str, Any]]:
    return [each for each in await site.told(f"laurel.{kind}.state.v1") if str(institution.id) in str(each)]


async def test_an_institution_says_whether_it_is_a_sandbox(site: Site) -> None:
    for asked, said in (({}, False), ({"sandbox": False}, False), ({"sandbox": True}, True)):
        slug = f"s{len(asked)}{said}".lower()
        made = await site.operator.post("/v1/institutions", json={"name": "N", "slug": slug, **asked})
        assert made.json()["sandbox"] is said
        told = (await site.told("laurel.institution.state.v1"))[-1]
        assert (told["slug"], told["sandbox"], told["standing"]) == (slug, said, "registered")


async def test_a_removed_sandbox_has_no_key_and_no_badge_left_and_stays_on_record(
    site: Site, north: Institution
) -> None:
    sandbox = await site.institution(sandbox=True)
    await (await sandbox.key(scopes=["read"])).aclose()
    achievement, kept = await sandbox.achievement(suspendable=True), await north.achievement()
    ids = [each["id"] for each in (await sandbox.batch(achievement, learners(130))).json()["results"]]
    await sandbox.revoke(ids[0], "issued_in_error")
    other = (await north.issue(kept)).json()["id"]

    assert await remove_all(site) == {"tenants": 1, "api_keys": 2, "credentials": 129, "watches": 0}
    assert await remove_all(site) == NOTHING, "a second time there is nothing to do"

    rows = await site.rows("select id, status, version from credentials where institution_id = $1", sandbox.id)
    assert {str(row["id"]) for row in rows} == set(ids)
    assert {(row["status"], row["version"]) for row in rows} == {("revoked", 2)}
    entries = await site.rows(
        "select * from credential_history where version = 2 and credential_id <> $1", rows[0]["id"]
    )
    assert {(each["actor_role"], each["reason_code"]) for each in entries} >= {("operator", "withdrawn")}
    raised = await site.rows("select purpose from status_positions where raised")
    assert [row["purpose"] for row in raised] == ["revocation"] * 130
    assert (await sandbox.client.get("/v1/credentials")).status_code == 401

    told = await states(site, "institution", sandbox)
    assert [(each["version"], each["standing"]) for each in told] == [(1, "registered"), (2, "withdrawn")]
    assert len([each for each in await states(site, "institution-api-key", sandbox) if each["revoked_at"]]) == 2
    assert len([each for each in await states(site, "credential", sandbox) if each["status"] == "revoked"]) == 130
    changed = await site.told("laurel.credential.status-changed.v1")
    assert len({each["credential_id"] for each in changed}) == len(changed) == 130

    assert (await north.client.get(f"/v1/credentials/{other}")).json()["status"] == "issued"
    document = await site.operator.get(f"/institutions/{sandbox.slug}/did.json", headers={"Authorization": ""})
    assert document.json()["id"] == sandbox.did, "what it signed can still be checked"


async def test_each_call_ends_a_bounded_share(site: Site) -> None:
    sandbox = await site.institution(sandbox=True)
    await sandbox.batch(await sandbox.achievement(), learners(150))
    first = (await site.operator.post(REMOVE)).json()
    assert first == {"tenants": 1, "api_keys": 1, "credentials": 100, "watches": 0}
    assert (await remove_all(site))["credentials"] == 50


async def test_a_withdrawn_institution_issues_no_more_even_with_a_new_key(site: Site) -> None:
    sandbox = await site.institution(sandbox=True)
    achievement = await sandbox.achievement()
    await remove_all(site)
    body = {"name": "again", "institution_id": str(sandbox.id)}
    key = (await site.operator.post("/v1/api-keys", json=body)).json()["api_key"]
    sandbox.client.headers.update(bearer(key))
    for answer in (await sandbox.issue(achievement), await sandbox.batch(achievement, learners(2))):
        assert (answer.status_code, answer.json()["code"]) == (409, "institution_withdrawn")
    assert (await remove_all(site))["api_keys"] == 1


async def test_a_badge_that_is_being_signed_meanwhile_is_refused(site: Site) -> None:
    sandbox = await site.institution(sandbox=True)
    achievement = await sandbox.achievement()
    [key] = await site.rows("select id from api_keys where tenant_id = $1", sandbox.id)
    principal = Principal("institution", sandbox.id, str(key["id"]), frozenset({"issue"}))
    signer = HeldSigner(site)
    issuing = Issuing(site.app, signer, site.settings)
    order = Order(email="ada@example.org")
    under_way = asyncio.create_task(issuing.one(Requester(principal), UUID(achievement), order))
    await asyncio.to_thread(signer.began.wait, 60)
    await remove_all(site)
    signer.let.set()
    [outcome] = await asyncio.gather(under_way, return_exceptions=True)
    assert isinstance(outcome, LaurelError)
    assert outcome.code == "institution_withdrawn"
    assert not await site.rows("select from credentials")


async def test_a_badge_that_is_asked_for_while_its_institution_is_being_withdrawn_is_refused(site: Site) -> None:
    sandbox = await site.institution(sandbox=True)
    achievement = await sandbox.achievement()
    async with site.worker.transaction() as tx:
        await institutions.withdraw_sandboxes(tx, 1, datetime.now(UTC))
        under_way = asyncio.create_task(sandbox.issue(achievement))
        await eventually(lambda: somebody_waits(tx))
    answer = await under_way
    assert (answer.status_code, answer.json()["code"]) == (409, "institution_withdrawn")


async def somebody_waits(tx: Any) -> bool:
    """Whether a statement waits for what `tx` holds."""
    waiting = "select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))"
    return bool(await tx.fetch(waiting))


async def test_the_removal_is_the_operators(site: Site, north: Institution) -> None:
    assert (await north.client.post(REMOVE)).status_code == 403
    assert (await site.operator.post(REMOVE, headers={"Authorization": ""})).status_code == 401


async def test_a_refeed_tells_of_a_withdrawn_sandbox_as_it_stands(make_site: MakeSite) -> None:
    site: Site = await make_site()
    sandbox = await site.institution(sandbox=True)
    await remove_all(site)
    before = (await states(site, "institution", sandbox))[-1]
    stood = [(each["version"], each["standing"]) for each in before["standings"]]
    assert stood == [(1, "registered"), (2, "withdrawn")], "as of a time it is what it was then"
    await site.rows("delete from outbox")
    await site.operator.post("/v1/ops/refeed")
    assert await states(site, "institution", sandbox) == [before]
    [row] = await site.rows("select changed_at from institutions where id = $1", sandbox.id)
    assert row["changed_at"] < datetime.now(UTC)
