"""Who sees what: the owner everything, anybody else nothing that speaks of a person."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from shared.ids import new_id
from shared.messaging.events import WatchTriggered
from shared.web.pagination import cursor
from tests.integration.registry.builders import (
    EMAIL,
    NAME,
    NOTE,
    Badge,
    achievement,
    institution,
    verification,
)
from tests.integration.registry.conftest import Registry, as_app
from tests.support.records import delivery
from tests.support.service import OPERATOR

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
AS_JSON = {"Accept": "application/json"}
TENANT_TABLES = ("credentials", "history", "documents", "openings")


@pytest.fixture
async def badge(registry: Registry) -> AsyncIterator[Badge]:
    """A revoked badge in a registry that serves its api."""
    badge = Badge()
    await registry.feed(
        delivery(badge.issued(), traceparent=f"00-{TRACE}-00f067aa0ba902b7-01"),
        badge.changed(),
        institution(badge.institution_id),
        achievement(badge.institution_id, badge.achievement_id),
        verification(badge.id),
        verification(badge.id, employer_id=new_id()),
    )
    async with registry.serving():
        yield badge


async def test_the_owner_sees_document_actor_reason_and_verifications(registry: Registry, badge: Badge) -> None:
    key = await registry.key(badge.institution_id)
    for header in (key, OPERATOR):
        record = (await registry.client.get(f"/v1/credentials/{badge.id}", headers=header)).json()
        assert (record["id"], record["status"], record["version"]) == (str(badge.id), "revoked", 2)
        assert record["institution_id"] == str(badge.institution_id)
        assert record["credential"] == badge.document
        assert record["verifications"] == 2
        assert [entry["type"] for entry in record["history"]] == ["issued", "revoked"]
        assert record["history"][1]["actor"] == {"role": "institution", "key_id": badge.key_id}
        assert record["history"][1]["reason"] == {"code": "withdrawn", "note": NOTE}
        assert record["history"][1]["log_index"] is None
        assert [entry["trace_id"] for entry in record["history"]] == [TRACE, None]


async def test_nobody_else_sees_anything_of_a_person(registry: Registry, badge: Badge) -> None:
    strangers: list[dict[str, str]] = [
        {},
        await registry.key(new_id()),
        await registry.key(new_id(), "employer"),
        await registry.key(badge.institution_id, "employer"),  # an employer whose id is an institution's
        await registry.key(badge.institution_id, "institution", "issue"),  # the owner's key, not for reading
    ]
    answers = [
        *[await registry.client.get(f"/v1/credentials/{badge.id}", headers=header) for header in strangers],
        await registry.client.get(f"/credentials/{badge.id}", headers=AS_JSON),
    ]
    assert len({answer.text for answer in answers}) == 1
    for planted in (NAME, EMAIL, NOTE, badge.owner_token, badge.salt, badge.key_id, "withdrawn", "employer"):
        assert planted not in answers[0].text
    record = answers[0].json()
    assert (record["id"], record["status"], record["version"]) == (str(badge.id), "revoked", 2)
    assert record["issuer"] == {"id": "did:web:badges.example:north", "name": "North Academy", "former_ids": []}
    assert record["achievement"]["name"] == "Welding I"
    assert record["achievement"]["micro_credential"] == {"workload_hours": 50}
    assert {name for entry in record["history"] for name in entry} == {
        "version",
        "type",
        "time",
        "event_id",
        "log_index",
    }


async def test_a_badge_may_be_here_before_its_institution_and_achievement(registry: Registry) -> None:
    badge = Badge()
    await registry.feed(badge.issued())
    async with registry.serving():
        record = (await registry.client.get(f"/v1/credentials/{badge.id}")).json()
    assert record["issuer"] is None
    assert record["achievement"] == {
        "id": str(badge.achievement_id),
        "version": 1,
        "name": None,
        "micro_credential": None,
    }


async def test_an_unknown_id_is_404_and_a_malformed_one_422(registry: Registry, badge: Badge) -> None:
    header = await registry.key(badge.institution_id)
    for path in ("/v1/credentials/{}", "/credentials/{}", "/credentials/{}.json", "/status-lists/{}"):
        assert (await registry.client.get(path.format(new_id()), headers=header)).status_code == 404
        for malformed in ("1", "%00", "..%2fx", "'or 1=1", "x" * 300):
            answer = await registry.client.get(path.format(malformed), headers=header | AS_JSON)
            assert answer.status_code in (404, 422)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_wrong_key_is_refused_even_where_none_is_needed(registry: Registry, badge: Badge) -> None:
    answer = await registry.client.get(f"/v1/credentials/{badge.id}", headers={"Authorization": "Bearer lrl_no"})
    assert answer.status_code == 401


# --- the signed document ---------------------------------------------------------------------------------------------


async def test_the_document_is_given_to_the_owner_link_and_the_owner_key_alone(
    registry: Registry, badge: Badge
) -> None:
    address = f"/credentials/{badge.id}.json"
    by_link = await registry.client.get(address, params={"owner": badge.owner_token})
    by_key = await registry.client.get(address, headers=await registry.key(badge.institution_id))
    for answer in (by_link, by_key):
        assert answer.json() == badge.document
        assert list(answer.json()) == list(badge.document), "in the order in which it was signed"
        assert answer.headers["content-type"] == "application/vc"
        assert answer.headers["cache-control"] == "private, no-store"


async def test_without_a_right_a_document_is_as_unknown_as_one_that_never_was(registry: Registry, badge: Badge) -> None:
    other = Badge()
    await registry.feed(other.issued())
    address, nowhere = f"/credentials/{badge.id}.json", f"/credentials/{new_id()}.json"
    stranger = await registry.key(new_id())
    answers = [
        await registry.client.get(nowhere),
        await registry.client.get(address),
        await registry.client.get(address, params={"owner": ""}),
        await registry.client.get(address, params={"owner": other.owner_token}),
        await registry.client.get(address, params={"owner": "\x00"}),
        await registry.client.get(address, headers=stranger),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


# --- search ----------------------------------------------------------------------------------------------------------


async def found(registry: Registry, header: dict[str, str], **filters: Any) -> httpx.Response:
    return await registry.client.get("/v1/credentials", headers=header, params=filters)


async def ids(registry: Registry, header: dict[str, str], **filters: Any) -> list[str]:
    return [item["id"] for item in (await found(registry, header, **filters)).json()["items"]]


async def test_the_owner_finds_its_badges_by_status_achievement_and_time(registry: Registry, badge: Badge) -> None:
    header, later = await registry.key(badge.institution_id), Badge(badge.institution_id)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await registry.feed(delivery(later.issued(), time=tomorrow))
    assert await ids(registry, header) == [str(later.id), str(badge.id)]
    assert await ids(registry, header, status="revoked") == [str(badge.id)]
    assert await ids(registry, header, achievement_id=later.achievement_id) == [str(later.id)]
    assert await ids(registry, header, issued_from=tomorrow.isoformat()) == [str(later.id)]
    assert await ids(registry, header, issued_to=tomorrow.isoformat()) == [str(badge.id)]


async def test_an_achievement_of_ones_own_is_found_before_it_has_badges(registry: Registry) -> None:
    institution_id, achievement_id = new_id(), new_id()
    await registry.feed(achievement(institution_id, achievement_id))
    async with registry.serving():
        answer = await found(registry, await registry.key(institution_id), achievement_id=achievement_id)
    assert answer.json() == {"items": [], "next": None}


async def test_pages_join_without_a_gap_or_an_overlap(registry: Registry) -> None:
    institution_id, same_moment = new_id(), datetime.now(UTC)
    badges = [Badge(institution_id) for _ in range(7)]
    await registry.feed(*(delivery(badge.issued(), time=same_moment) for badge in badges))
    header, pages, place = await registry.key(institution_id), [], None
    async with registry.serving():
        while True:
            page = (await found(registry, header, limit=3, **({"cursor": place} if place else {}))).json()
            pages.append([item["id"] for item in page["items"]])
            place = page["next"]
            if place is None:
                break
    assert [len(page) for page in pages] == [3, 3, 1]
    assert {id_ for page in pages for id_ in page} == {str(badge.id) for badge in badges}


async def test_another_tenants_filter_and_cursor_find_nothing(registry: Registry, badge: Badge) -> None:
    stranger = await registry.key(stranger_id := new_id())
    assert await ids(registry, stranger) == []
    theirs, nobodys = [
        await found(registry, stranger, achievement_id=each) for each in (badge.achievement_id, new_id())
    ]
    assert theirs.status_code == 404
    assert theirs.json() == nobodys.json()
    now = datetime.now(UTC).isoformat()
    their_place = cursor(badge.institution_id, "credentials", now, str(badge.id))
    assert (await found(registry, stranger, cursor=their_place)).status_code == 404
    forged = cursor(stranger_id, "credentials", now, str(badge.id))
    assert await ids(registry, stranger, cursor=forged) == []


async def test_a_cursor_or_filter_of_rubbish_is_refused(registry: Registry, badge: Badge) -> None:
    owner = badge.institution_id
    header = await registry.key(owner)
    rubbish = [cursor(owner, "credentials"), cursor(owner, "credentials", 1, 2), cursor(owner, "credentials", "x", "y")]
    rubbish += [cursor(owner, "credentials", "0001-01-01T00:00:00+14:00", str(owner)), "%", "\x00", "eyJ9"]
    for text in rubbish:
        assert (await found(registry, header, cursor=text)).status_code == 400
    for filters in (
        {"status": "lost"},
        {"achievement_id": "1"},
        {"issued_from": "0001-01-01T00:00:00+14:00"},
        {"issued_to": "2026-11-22"},
        {"limit": 0},
        {"limit": 10**30},
    ):
        assert (await found(registry, header, **filters)).status_code == 422


async def test_only_an_institution_that_may_read_searches(registry: Registry, badge: Badge) -> None:
    assert (await found(registry, {})).status_code == 401
    assert (await found(registry, await registry.key(new_id(), "employer"))).status_code == 403
    assert (await found(registry, await registry.key(badge.institution_id, "institution", "issue"))).status_code == 403


# --- row-level security, by the app role itself -----------------------------------------------------------------------


@pytest.mark.parametrize("table", [*TENANT_TABLES, "verifications"])
async def test_the_app_role_sees_its_tenants_rows_alone(registry: Registry, badge: Badge, table: str) -> None:
    everything = f"select * from {table}"
    assert await as_app(registry, everything) == []
    assert await as_app(registry, everything, tenant=new_id()) == []
    assert len(await as_app(registry, everything, tenant=badge.institution_id)) > 0


@pytest.mark.parametrize("table", [*TENANT_TABLES, "verifications", "institutions", "achievements"])
async def test_the_app_role_changes_nothing(registry: Registry, badge: Badge, table: str) -> None:
    assert await as_app(registry, f"delete from {table} returning 1", tenant=badge.institution_id) == []
    column = {"institutions": "name", "achievements": "image", "verifications": "reason"}.get(table, "institution_id")
    update = f"update {table} set {column} = {column} returning 1"
    assert await as_app(registry, update, tenant=badge.institution_id) == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await as_app(registry, f"insert into {table} select * from {table}", tenant=badge.institution_id)


async def test_a_pooled_connection_forgets_the_tenant_it_served(registry: Registry, badge: Badge) -> None:
    header = await registry.key(badge.institution_id)
    async with registry.serving(pool_size=2):
        for _ in range(5):
            assert "credential" in (await registry.client.get(f"/v1/credentials/{badge.id}", headers=header)).json()
            assert "credential" not in (await registry.client.get(f"/v1/credentials/{badge.id}")).json()


async def test_of_an_employers_watch_the_registry_keeps_nothing(registry: Registry, badge: Badge) -> None:
    tables = [name for (name,) in await registry.rows("select relname::text from pg_stat_user_tables")]

    async def kept() -> list[Any]:
        return [await registry.rows(f"select t::text from {name} t order by 1") for name in sorted(tables)]

    before = await kept()
    told = WatchTriggered(
        watch_id=new_id(), number=1, employer_id=new_id(), credential_id=badge.id, change="revoked", verdict="invalid",
        reason="revoked", standing="registered", changed_at=datetime.now(UTC), channels=("mail",),
    )  # fmt: skip
    await registry.feed(told)
    assert await kept() == before
