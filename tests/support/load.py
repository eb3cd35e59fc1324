"""Institutions at work while things break: they try again as a client should, and keep what was acknowledged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson

from tests.support.people import Institution

CLIENTS = 4
EVERY_NTH_IS_REVOKED = 3
# Between two badges of a client: what breaks is to break at work, not under a heap that takes minutes to clear.
PAUSE_SECONDS = 0.1


@dataclass
class Load:
    """What was asked for and acknowledged so far."""

    institution: Institution
    achievement: str
    issued: list[dict[str, Any]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)

    def acknowledged(self, path: Path) -> Path:
        """Write what `laurel ledger-check --acknowledged` reads."""
        lines = [{"credential_id": each["id"], "action": "issue"} for each in self.issued]
        lines += [{"credential_id": each, "action": "revoke"} for each in self.revoked]
        path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
        return path

    async def client(self, ended: asyncio.Event) -> None:
        """One client's work until the load is ended; what it began it finishes."""
        while not ended.is_set():
            issued = await self._until_done("/v1/credentials", self._request())
            self.issued.append(issued)
            if len(self.issued) % EVERY_NTH_IS_REVOKED == 0:
                await self._until_done(f"/v1/credentials/{issued['id']}/revoke", {"reason": "withdrawn"})
                self.revoked.append(issued["id"])
            await asyncio.sleep(PAUSE_SECONDS)

    def _request(self) -> dict[str, Any]:
        return {"achievement_id": self.achievement, "recipient": {"email": f"{uuid4().hex}@example.org"}}

    async def _until_done(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": uuid4().hex}
        while True:
            try:
                answer = await self.institution.client.post(path, json=body, headers=headers, timeout=15)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                done: dict[str, Any] = answer.json()
                return done
            if answer is not None and answer.status_code < 500 and answer.status_code != 409:
                raise RuntimeError(f"refused under load: {answer.status_code} {answer.text}")
            await asyncio.sleep(0.2)


@asynccontextmanager
async def under_load(institution: Institution, achievement: str) -> AsyncIterator[Load]:
    """Keep clients at work while the block runs; when it ends, each finishes what it began."""
    load, ended = Load(institution, achievement), asyncio.Event()
    async with asyncio.TaskGroup() as clients:
        for _ in range(CLIENTS):
            clients.create_task(load.client(ended))
        yield load
        ended.set()
