"""Nothing of another institution's is there: in no path, body, filter or cursor, nor for the database role."""

from typing import Any

import asyncpg
import pytest

from tests.integration.issuer.conftest import Institution, Site

TENANT_TABLES = (
    "institutions", "signing_keys", "api_keys", "achievements", "achievement_versions", "status_lists", "credentials",
    "credential_contents", "credential_history", "status_positions", "idempotency",
)  # fmt: skip


async def test_another_tenants_id_is_404_in_every_path_and_body(site: Site, north: Institution) -> None:
    south = await site.institution()
    achievement = await south.achievement()
    credential = (await south.issue(achievement)).json()["id"]
    key_id = south.api_key.split("_")[1]
    content = {"name": "x", "description": "x", "criteria": {"narrative": "x"}}
    order = {"achievement_id": achievement, "recipient": {"email": "a@example.org"}}
    batch = {"achievement_id": achievement, "recipients": [{"email": "a@example.org"}]}
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"/v1/credentials/{credential}", {}),
        ("POST", f"/v1/credentials/{credential}/revoke", {"json": {"reason": "withdrawn"}}),
        ("POST", f"/v1/credentials/{credential}/revoke", {"json": {"reason": "x"}, "headers": {"If-Match": '"1"'}}),
        ("POST", "/v1/credentials", {"json": order}),
        ("POST", "/v1/credentials/batch", {"json": batch}),
        ("GET", "/v1/credentials", {"params": {"achievement_id": achievement}}),
        ("GET", f"/v1/achievements/{achievement}", {}),
        ("PUT", f"/v1/achievements/{achievement}", {"json": content}),
        ("PUT", f"/v1/achievements/{achievement}", {"json": content, "headers": {"If-Match": '"1"'}}),
        ("POST", f"/v1/achievements/{achievement}/publish", {}),
        ("GET", f"/v1/institutions/{south.id}/signing-keys", {}),
        ("POST", f"/v1/institutions/{south.id}/signing-keys", {}),
        ("DELETE", f"/v1/api-keys/{key_id}", {}),
    ]
    for method, path, request in requests:
        answer = await north.client.request(method, path, **request)
        assert answer.status_code == 404, f"{method} {path}: {answer.status_code} {answer.text}"
    assert (await south.client.get(f"/v1/credentials/{credential}")).json()["status"] == "issued"


@pytest.mark.parametrize("what", ["credentials", "achievements", "api-keys"])
async def test_another_tenants_cursor_is_404(site: Site, north: Institution, what: str) -> None:
    south = await site.institution()
    await south.issue(await south.achievement())
    cursor = (await south.client.get(f"/v1/{what}", params={"limit": 1})).json()["next"]
    assert (await south.client.get(f"/v1/{what}", params={"cursor": cursor})).status_code == 200
    assert (await north.client.get(f"/v1/{what}", params={"cursor": cursor})).status_code == 404
    for broken in ("x", "W10", cursor[:-3]):
        assert (await south.client.get(f"/v1/{what}", params={"cursor": broken})).status_code in (400, 404)


async def test_lists_hold_ones_own_alone(site: Site, north: Institution) -> None:
    south = await site.institution()
    await south.issue(await south.achievement())
    for what in ("credentials", "achievements"):
        assert (await north.client.get(f"/v1/{what}")).json() == {"next": None, "items": []}


async def test_the_app_role_sees_one_tenant_on_a_connection_that_served_another(site: Site, north: Institution) -> None:
    south = await site.institution()
    for institution in (north, south):
        await institution.issue(await institution.achievement(suspendable=True), "k")
    connection = await asyncpg.connect(site.database.app)

    async def seen() -> dict[str, set[Any]]:
        tenant = {"institutions": "id", "api_keys": "tenant_id", "idempotency": "tenant_id"}
        return {
            table: {
                row["t"]
                for row in await connection.fetch(f"select {tenant.get(table, 'institution_id')} t from {table}")
            }
            for table in TENANT_TABLES
        }

    for institution in (north, south):
        async with connection.transaction():
            await connection.execute("select set_config('app.tenant', $1, true)", str(institution.id))
            assert await seen() == {table: {institution.id} for table in TENANT_TABLES}
        # Outside the transaction the setting is '', not null: nothing is seen, and nothing fails.
        assert await connection.fetchval("select current_setting('app.tenant', true)") == ""
        assert await seen() == {table: set() for table in TENANT_TABLES}
    await connection.close()


async def test_the_app_role_can_neither_write_for_another_tenant_nor_lift_the_border(
    site: Site, north: Institution
) -> None:
    south = await site.institution()
    achievement = await south.achievement()
    async with site.app.transaction(north.id) as tx:
        assert await tx.execute("update achievements set revision = 99 where id = $1", achievement) == "UPDATE 0"
        assert await tx.execute("delete from institutions where id = $1", south.id) == "DELETE 0"
    for statement in (
        f"insert into achievements values (gen_random_uuid(), '{south.id}', 1, 1, null, now())",
        "alter table credentials no force row level security",
        "set row_security = off; select * from credentials",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with site.app.transaction(north.id) as tx:
                await tx.execute(statement)


async def test_every_table_with_a_tenant_forces_row_level_security(site: Site) -> None:
    rows = await site.rows(
        """
        select relname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where relnamespace = 'public'::regnamespace and relkind = 'r' and attname in ('institution_id', 'tenant_id')
              and not (relrowsecurity and relforcerowsecurity)
        """
    )
    assert [row["relname"] for row in rows] == []
