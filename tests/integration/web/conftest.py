"""A small service with the web parts that every service has, and nothing else."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from shared.db import Database
from shared.errors import Invalid
from shared.ids import PARTITIONS, new_id
from shared.service import Parts, Runtime, Service, running
from shared.settings import Settings
from shared.web import idempotency
from shared.web.auth import Principal, new_key, require
from shared.web.databases import AppDatabase
from shared.web.idempotency import IdempotencyKey
from shared.web.strict import StrictRoute
from tests.support.postgres import CleanDatabase

router = APIRouter(route_class=StrictRoute)
Issuer = Annotated[Principal, Depends(require("institution", scope="issue"))]


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


@router.post("/things", status_code=201)
async def make_thing(
    database: AppDatabase,
    body: Thing,
    header: IdempotencyKey,
    who: Annotated[Principal, Depends(require("institution", scope="issue"))],
) -> dict[str, str]:
    attempt = idempotency.attempt(who.tenant_id, header)
    async with idempotency.remembering(database, attempt), database.transaction(who.tenant_id) as tx:
        thing = new_id()
        made = await idempotency.claim(tx, attempt, thing)
        if made is None and body.name == "refused":
            raise Invalid("refused", "Refused as asked.")
        if made is None:
            await tx.execute("insert into things (id, name) values ($1, $2)", thing, body.name)
    return {"id": str(made or thing)}


@router.get("/mine")
async def mine(who: Annotated[Principal, Depends(require("institution", "operator", scope="read"))]) -> dict[str, str]:
    return {"kind": who.kind, "tenant": str(who.tenant_id)}


@router.get("/broken")
async def broken() -> None:
    raise RuntimeError("planted-secret-9f3a")


@router.post("/echo")
async def echo(body: dict[str, Any]) -> dict[str, Any]:
    return body


def build(_: Runtime[Settings]) -> Parts:
    return Parts(routers=[router], tasks={}, foreign_keys={"employer": "/laurel/verifier"})


class Site:
    """The running service, and the keys that open it."""

    def __init__(self, url: str, worker: Database) -> None:
        self.url = url
        self.client = httpx.AsyncClient(base_url=url, timeout=60)
        self.worker = worker

    async def hear(self) -> None:
        """Hear from the service that issues employers' keys."""
        async with self.worker.transaction() as tx:
            rows = [("/laurel/verifier", shard, datetime.now(UTC)) for shard in range(PARTITIONS)]
            await tx.executemany("insert into heartbeats values ($1, $2, $3)", rows)

    async def key(self, tenant: UUID | None = None, kind: str = "institution", **columns: Any) -> dict[str, str]:
        """Store an API key and return the header that carries it."""
        key = new_key(uuid4())
        row = {"expires_at": None, "revoked_at": None, "scopes": ["issue", "read"], **columns}
        async with self.worker.transaction() as tx:
            await tx.execute(
                """
                insert into api_keys
                    (id, version, tenant_kind, tenant_id, hash, scopes, created_at, expires_at, revoked_at)
                values ($1, 1, $2, $3, $4, $5, now(), $6, $7)
                """,
                key.id, kind, tenant or uuid4(), key.hash, row["scopes"], row["expires_at"], row["revoked_at"],
            )  # fmt: skip
        return {"Authorization": f"Bearer {key.text}"}


@pytest.fixture
async def site(clean_database: Callable[[str], CleanDatabase]) -> AsyncIterator[Site]:
    database = clean_database("issuer")
    worker = await Database.open(database.superuser, 4)
    async with worker.transaction() as tx:
        await tx.execute("create table things (id uuid primary key, name text)")
        await tx.execute("grant all on things to public")
    settings = Settings(
        app_dsn=database.app, worker_dsn=database.worker, eventlog_dsn=database.worker, port=0,
        operator_key="operator-secret", max_body_bytes=100_000, body_seconds=1.0,
    )  # fmt: skip
    service = Service("probe", "Probe", lambda: settings, build)
    async with running(service, settings, "api") as url:
        site = Site(url, worker)
        yield site
        await site.client.aclose()
    await worker.close()
