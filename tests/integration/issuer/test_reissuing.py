"""Many badges are issued once more under the key in use now, as they are, each old one replaced with its new one."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from services.issuer.handlers.issuing import Issuing
from services.issuer.handlers.reissuing import Outcomes, reissue
from services.issuer.handlers.storing import Requester
from shared.errors import LaurelError
from shared.messaging.events import Reason
from shared.web.auth import Principal
from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.integration.issuer.test_batch import learners

COMPROMISED = Reason(code="key_compromise")


async def _reissue(site: Site, institution: Institution, ids: list[UUID]) -> Outcomes:
    key_id = UUID(institution.api_key.split("_")[1])
    who = Requester(Principal("institution", institution.id, str(key_id), frozenset({"issue", "revoke"})))
    return await reissue(site.app, Issuing(site.app, site.signer(), site.settings), who, ids, COMPROMISED)


async def _issued(institution: Institution, count: int, **members: Any) -> list[UUID]:
    body = {"achievement_id": await institution.achievement(), "recipients": learners(count), **members}
    answer = await institution.client.post("/v1/credentials/batch", json=body)
    return [UUID(each["id"]) for each in answer.json()["results"]]


async def test_each_badge_has_its_own_successor_under_the_new_key_and_done_again_none(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await site.institution()
    old = [*await _issued(north, 60), *await _issued(north, 3, formats=["ob3-jwt"])]
    rotated = (await north.client.post(f"/v1/institutions/{north.id}/signing-keys")).json()
    outcomes = await _reissue(site, north, old)
    rows = await site.rows("select * from credentials where replaces is not null")
    assert {row["replaces"]: row["id"] for row in rows} == outcomes
    assert set(outcomes) == set(old)
    assert {str(row["signing_key_id"]) for row in rows} == {rotated["id"]}
    assert len([row for row in rows if row["token_digest"]]) == 3
    told = await site.told("laurel.credential.status-changed.v1")
    assert {(each["status"], each["reason"]["code"]) for each in told} == {("revoked", "key_compromise")}
    assert {UUID(each["credential_id"]): UUID(each["replaced_by"]) for each in told} == outcomes
    assert len(await site.rows("select from status_positions where raised")) == 63
    again = await _reissue(site, north, old)
    assert {_refusal(each) for each in again.values()} == {"already_replaced"}
    assert len(await site.rows("select from credentials")) == 126


async def test_two_that_do_the_same_make_one_successor_of_each(site: Site, north: Institution) -> None:
    old = await _issued(north, 30)
    first, second = await asyncio.gather(_reissue(site, north, old), _reissue(site, north, old[::-1]))
    rows = await site.rows("select id, replaces from credentials where replaces is not null")
    assert len(rows) == 30
    for row in rows:
        both = [first[row["replaces"]], second[row["replaces"]]]
        assert row["id"] in both
        assert [_refusal(each) for each in both if each != row["id"]] == ["already_replaced"]


async def test_what_cannot_be_replaced_stops_nothing_else(site: Site, north: Institution) -> None:
    good, gone, other = await _issued(north, 3)
    await north.revoke(str(gone))
    await site.rows("update credentials set kind = 'generic' where id = $1", other)
    missing = uuid4()
    outcomes = await _reissue(site, north, [good, gone, other, missing])
    assert isinstance(outcomes[good], UUID)
    refused = {key: _refusal(each) for key, each in outcomes.items() if key != good}
    assert refused == {gone: "status_does_not_allow", other: "not_a_badge", missing: "credential_not_found"}


def _refusal(outcome: UUID | LaurelError) -> str | None:
    return outcome.code if isinstance(outcome, LaurelError) else None
