"""The same creating request sent again is done once."""

import asyncio
from uuid import uuid4

import pytest

from shared.web import idempotency
from tests.integration.web.conftest import Site


async def test_fifty_parallel_calls_with_one_key_make_one_thing(site: Site) -> None:
    headers = await site.key() | {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *[site.client.post("/things", json={"name": "x"}, headers=headers) for _ in range(50)]
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    async with site.worker.transaction() as tx:
        assert await tx.fetchval("select count(*) from things") == 1


async def test_another_body_under_the_same_key_is_422(site: Site) -> None:
    headers = await site.key() | {"Idempotency-Key": "k"}
    await site.client.post("/things", json={"name": "x"}, headers=headers)
    answer = await site.client.post("/things", json={"name": "y"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def test_another_tenants_same_key_is_another_request(site: Site) -> None:
    one, other = [await site.key(uuid4()) | {"Idempotency-Key": "k"} for _ in range(2)]
    first = await site.client.post("/things", json={"name": "x"}, headers=one)
    second = await site.client.post("/things", json={"name": "x"}, headers=other)
    assert first.status_code == second.status_code == 201
    assert first.json() != second.json()


async def test_a_refusal_is_remembered_by_its_code(site: Site) -> None:
    headers = await site.key() | {"Idempotency-Key": "k"}
    answers = [await site.client.post("/things", json={"name": "refused"}, headers=headers) for _ in range(2)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(422, "refused")] * 2
    async with site.worker.transaction() as tx:
        assert await tx.fetchval("select code from idempotency") == "refused"


@pytest.mark.parametrize("key", ["x" * 10_000, "x" * 256, ""])
async def test_an_unreasonable_key_is_400_or_422(site: Site, key: str) -> None:
    headers = await site.key() | {"Idempotency-Key": key}
    answer = await site.client.post("/things", json={"name": "x"}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency_key_malformed"


async def test_rows_are_forgotten_after_seven_days_and_not_before(site: Site) -> None:
    for key in ("old", "young"):
        headers = await site.key() | {"Idempotency-Key": key}
        await site.client.post("/things", json={"name": "x"}, headers=headers)
    async with site.worker.transaction() as tx:
        await tx.execute("update idempotency set created_at = now() - interval '8 days' where key = 'old'")
        await idempotency.forget_old(tx)
        assert [row["key"] for row in await tx.fetch("select key from idempotency")] == ["young"]
