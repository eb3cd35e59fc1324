"""What the api's database role may see and change of the tables that every service has: no more than it needs."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from tests.support.postgres import CleanDatabase

SEEN_BY_NOBODY = ("outbox", "consumer_offsets", "inbox_claims", "held_records", "api_keys", "idempotency")

PLANTED = """
insert into outbox (event_id, topic, shard, key, headers, value)
    values (gen_random_uuid(), 't', 0, 'k', '{}', 'secret');
insert into consumer_offsets values ('c', 't', 0, 5);
insert into inbox_claims (consumer, source, event_id) values ('c', 's', gen_random_uuid());
insert into heartbeats values ('/laurel/issuer', 0, now());
insert into held_records (consumer, state, cause, topic, partition, "offset", aggregate, header_names, header_bytes,
                          value, stored_at, reason)
    values ('c', 'parked', 'failed', 't', 0, 1, 'k', '{}', '{}', 'secret', now(), 'r');
insert into api_keys (id, version, tenant_kind, tenant_id, hash, scopes, created_at)
    values (gen_random_uuid(), 1, 'institution', gen_random_uuid(), '', '{}', now());
insert into idempotency (tenant_id, key, digest) values (gen_random_uuid(), 'k', '');
"""


@pytest.fixture
async def api(clean_database: Callable[[str], CleanDatabase]) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection as the api's role, no tenant set, to a database with a row in each table."""
    clean = clean_database("issuer")
    worker = await asyncpg.connect(clean.worker)
    await worker.execute(PLANTED)
    await worker.close()
    connection = await asyncpg.connect(clean.app)
    yield connection
    await connection.close()


@pytest.mark.parametrize("table", SEEN_BY_NOBODY)
async def test_without_a_tenant_no_row_is_seen(api: "asyncpg.Connection[asyncpg.Record]", table: str) -> None:
    assert await api.fetch(f"select * from {table}") == []


@pytest.mark.parametrize("table", [*SEEN_BY_NOBODY, "heartbeats"])
async def test_no_row_can_be_deleted(api: "asyncpg.Connection[asyncpg.Record]", table: str) -> None:
    assert await api.execute(f"delete from {table}") == "DELETE 0"


async def test_freshness_can_be_read_and_not_made_up(api: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert await api.fetchval("select count(*) from heartbeats") == 1
    assert await api.execute("update heartbeats set time = now()") == "UPDATE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await api.execute("insert into heartbeats values ('/laurel/issuer', 1, now())")


async def test_of_held_records_their_keys_can_be_asked_for_alone(api: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert await api.fetch("select held_keys(array['k', 'other'])") == [("k",)]
