"""A running issuer, and institutions that use it through its routes."""

import base64
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import orjson
import pytest

from services.issuer.app import SERVICE
from services.issuer.handlers.issuing import Issuing
from services.issuer.lists import ListSigner, Terms
from services.issuer.revoking import Revoker
from services.issuer.settings import IssuerSettings
from services.issuer.signer import Signer
from shared.credentials.keys import PrivateKey
from shared.db import Database
from shared.sealing import Sealer
from shared.service import running
from tests.support.people import bearer
from tests.support.ports import free_port
from tests.support.postgres import CleanDatabase

OPERATOR = bearer("operator-key")
# 800 kB: a request may be as large as this, a record on the log may not.
TOO_MUCH_EVIDENCE = [{"name": f"Film {n}", "narrative": "ü" * 10_000, "description": "ü" * 10_000} for n in range(20)]
BADGE = {"name": "Bridge building", "description": "Builds bridges.", "criteria": {"narrative": "Build one."}}


@dataclass
class Institution:
    """An institution and a client that carries its key."""

    id: UUID
    did: str
    slug: str
    api_key: str
    client: httpx.AsyncClient

    async def achievement(self, **members: Any) -> str:
        """Define and publish an achievement; return its id."""
        made = (await self.client.post("/v1/achievements", json={**BADGE, **members})).json()
        answer = await self.client.post(f"/v1/achievements/{made['id']}/publish")
        assert answer.status_code == 200, answer.text
        return str(made["id"])

    async def issue(self, achievement: str, key: str | None = None, **members: Any) -> httpx.Response:
        """Ask for one badge."""
        body = {"achievement_id": achievement, "recipient": {"email": "ada@example.org"}, **members}
        headers = {"Idempotency-Key": key} if key is not None else {}
        return await self.client.post("/v1/credentials", json=body, headers=headers)

    async def batch(self, achievement: str, rows: list[dict[str, Any]], key: str | None = None) -> httpx.Response:
        """Ask for many badges."""
        headers = {"Idempotency-Key": key} if key is not None else {}
        body = {"achievement_id": achievement, "recipients": rows}
        return await self.client.post("/v1/credentials/batch", json=body, headers=headers)

    async def revoke(self, credential: str, reason: str = "withdrawn", **headers: str) -> httpx.Response:
        """Ask for a revocation."""
        return await self.client.post(f"/v1/credentials/{credential}/revoke", json={"reason": reason}, headers=headers)

    async def change(self, credential: str, command: str, key: str | None = None, **members: Any) -> httpx.Response:
        """Ask for a suspension, reinstatement, replacement or renewal; `if_match` is an entity tag."""
        tag = members.pop("if_match", None)
        headers = {"Idempotency-Key": key, "If-Match": tag}
        sent = {name: value for name, value in headers.items() if value is not None}
        return await self.client.post(f"/v1/credentials/{credential}/{command}", json=members, headers=sent)

    async def credential(self, credential: str) -> dict[str, Any]:
        """Look at a credential."""
        answer = await self.client.get(f"/v1/credentials/{credential}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def key(self, **members: Any) -> httpx.AsyncClient:
        """Make another key; return a client that carries it."""
        answer = await self.client.post("/v1/api-keys", json={"name": "another", **members})
        assert answer.status_code == 201, answer.text
        return httpx.AsyncClient(base_url=self.client.base_url, headers=bearer(answer.json()["api_key"]), timeout=60)


@dataclass
class Site:
    """A running issuer, its database, and the operator."""

    url: str
    settings: IssuerSettings
    database: CleanDatabase
    app: Database
    worker: Database
    operator: httpx.AsyncClient
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    async def institution(self, **members: Any) -> Institution:
        """Register an institution."""
        body = {"name": "North Academy", "slug": f"north-{uuid4().hex[:12]}", **members}
        answer = await self.operator.post("/v1/institutions", json=body)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        client = httpx.AsyncClient(base_url=self.url, headers=bearer(made["api_key"]), timeout=60)
        self.clients.append(client)
        return Institution(UUID(made["id"]), made["did"], made["slug"], made["api_key"], client)

    async def rows(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask the database, past every tenant's border."""
        async with self.worker.transaction() as tx:
            return await tx.fetch(sql, *arguments)

    async def told(self, type_: str) -> list[dict[str, Any]]:
        """Return what was added to the outbox of one type, oldest first."""
        rows = await self.rows("select value from outbox where headers ->> 'ce_type' = $1 order by id", type_)
        return [orjson.loads(row["value"]) for row in rows]

    def signer(self) -> Signer:
        """Return a signer with the same key-encryption key."""
        return Signer(Sealer.from_file(self.settings.kek_file))

    def revoker(self, chunk: int = 200) -> Revoker:
        """Return a worker that revokes when it is told to."""
        return Revoker(self.worker, self.app, Issuing(self.app, self.signer(), self.settings), chunk)

    def list_signer(self, signer: Signer | None = None, window: timedelta = timedelta(0)) -> ListSigner:
        """Return a worker that signs when it is told to."""
        settings = self.settings
        terms = Terms(settings.public_url, settings.status_list_lifetime, settings.status_list_ttl, window)
        return ListSigner(self.worker, signer or self.signer(), terms)


class HeldSigner(Signer):
    """Signs when the test lets it; `began` tells that it was asked to."""

    def __init__(self, site: Site, pause: float = 0) -> None:
        super().__init__(Sealer.from_file(site.settings.kek_file))
        self.began, self.let = threading.Event(), threading.Event()
        self.asked = 0
        self._pause = pause

    def open(self, key_id: UUID, sealed: bytes) -> PrivateKey:
        self.asked += 1
        self.began.set()
        if self.asked == 1:
            time.sleep(self._pause)
            assert self.let.wait(60)
        return super().open(key_id, sealed)


def environment(site: Site) -> dict[str, str]:
    """What another process of the same issuer is started with."""
    return {
        "LAUREL_PORT": str(free_port()),
        "LAUREL_APP_DSN": site.database.app,
        "LAUREL_WORKER_DSN": site.database.worker,
        "LAUREL_EVENTLOG_DSN": site.database.worker,
        "LAUREL_KEK_FILE": str(site.settings.kek_file),
        "LAUREL_OPERATOR_KEY": "operator-key",
    }


@pytest.fixture
def kek_file(tmp_path: Path) -> Path:
    path = tmp_path / "kek"
    path.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    return path


MakeSite = Callable[..., Any]


@pytest.fixture
async def make_site(clean_database: Callable[[str], CleanDatabase], kek_file: Path) -> AsyncIterator[MakeSite]:
    """Makes issuers with settings of the test's own; they end with the test."""
    async with AsyncExitStack() as stack:

        async def make(role: str = "api", **members: Any) -> Site:
            database = clean_database("issuer")
            settings = IssuerSettings(
                app_dsn=database.app, worker_dsn=database.worker, port=0, operator_key="operator-key",
                kek_file=kek_file, **{"eventlog_dsn": database.worker, **members},
            )  # fmt: skip
            url = await stack.enter_async_context(running(SERVICE, settings, role))
            app, worker = await Database.open(database.app, 4), await Database.open(database.worker, 4)
            stack.push_async_callback(app.close)
            stack.push_async_callback(worker.close)
            operator = await stack.enter_async_context(httpx.AsyncClient(base_url=url, headers=OPERATOR, timeout=60))
            site = Site(url, settings, database, app, worker, operator)
            stack.push_async_callback(_close, site)
            return site

        yield make


async def _close(site: Site) -> None:
    for client in site.clients:
        await client.aclose()


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    made: Site = await make_site()
    return made


@pytest.fixture
async def north(site: Site) -> Institution:
    return await site.institution()
