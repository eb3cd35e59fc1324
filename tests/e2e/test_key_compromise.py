"""The key compromise drill on real services: what was logged stays, what came later is revoked and issued anew."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from services.issuer.signer import Signer
from shared.credentials.proofs import sign
from shared.credentials.suites import ECDSA_RDFC, EDDSA_RDFC
from shared.sealing import Sealer
from tests.support.people import Institution, bearer, register_employer, verify
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.stack import Stack, standing

PUBLIC = "https://badges.example"


@dataclass(frozen=True)
class Desk:
    """An institution with a did:web, and its command line."""

    stack: Stack
    folder: Path
    oak: Institution

    async def run(self, *arguments: str) -> tuple[int, Any, str]:
        """Run `laurel`; return exit code, what is told as JSON, and errors."""
        urls = {f"LAUREL_URL_{name.upper()}": url for name, url in self.stack.urls.items()}
        key = self.oak.client.headers["Authorization"].removeprefix("Bearer ")
        environment = {**os.environ, **urls, "LAUREL_HOME": str(self.folder), "LAUREL_INSTITUTION_KEY": key}
        command = [sys.executable, "-m", "cli", *arguments, "--json"]
        ran = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, check=False
        )
        return ran.returncode, json.loads(ran.stdout) if ran.stdout else None, ran.stderr

    async def logged(self, credential_id: str) -> bool:
        """Whether a badge has its place in the log, and a published checkpoint covers it."""
        record = await self.oak.record(credential_id)
        if record.status_code != 200 or (index := record.json()["history"][0]["log_index"]) is None:
            return False
        size = await self.oak.client.get(f"{self.stack.urls['registry']}/v1/log/size", params={"at": _now()})
        return bool(size.json()["size"] > index)

    async def forged(self, key_id: str, badge: dict[str, Any]) -> dict[str, Any]:
        """A badge that whoever has the old key signs now, outside of every record."""
        connection = await asyncpg.connect(self.stack.databases["issuer"].superuser)
        row = await connection.fetchrow("select * from signing_keys where id = $1", UUID(key_id))
        await connection.close()
        key = Signer(Sealer.from_file(self.folder / "kek")).open(UUID(key_id), row["sealed"])
        unsigned = {name: value for name, value in badge.items() if name not in ("proof", "credentialStatus")}
        suite = EDDSA_RDFC if row["algorithm"] == "EdDSA" else ECDSA_RDFC
        return sign(unsigned, key, row["verification_method"], datetime.now(UTC), suite)


def _now() -> str:
    return datetime.now(UTC).isoformat()


async def says(employer: httpx.AsyncClient, badge: dict[str, Any], verdict: str, reason: str | None) -> bool:
    """Whether the verifier says this of a badge."""
    report = await verify(employer, badge)
    return (report["verdict"], report["reason"]) == (verdict, reason)


def methods_of(badge: dict[str, Any]) -> list[str]:
    """The verification methods of a badge's proofs, in their order."""
    proof = badge["proof"]
    return [each["verificationMethod"] for each in (proof if isinstance(proof, list) else [proof])]


@pytest.mark.parametrize(
    ("algorithm", "formats"),
    [("EdDSA", ["eddsa-rdfc-2022"]), ("ES256", ["eddsa-rdfc-2022", "ecdsa-rdfc-2019", "ob3-jwt"])],
)
async def test_the_drill_keeps_what_was_logged_revokes_what_came_later_and_issues_it_anew(
    algorithm: str,
    formats: list[str],
    tmp_path: Path,
    clean_database: Callable[[str], CleanDatabase],
    embedded_log: dict[str, str],
) -> None:
    async with standing(tmp_path, clean_database, embedded_log, public_url=PUBLIC) as stack:
        async with httpx.AsyncClient(headers=bearer(stack.operator_key), timeout=60) as operator:
            body = {"name": "Oak College", "slug": f"oak-{uuid4().hex[:8]}", "did_method": "web"}
            founded = (await operator.post(f"{stack.urls['issuer']}/v1/institutions", json=body)).json()
        employer = await register_employer(stack.urls, stack.operator_key)
        client = httpx.AsyncClient(base_url=stack.urls["issuer"], headers=bearer(founded["api_key"]), timeout=60)
        desk = Desk(stack, tmp_path, Institution(founded["id"], founded["did"], stack.urls, client))
        keys = (await client.get(f"/v1/institutions/{desk.oak.id}/signing-keys")).json()["items"]
        key = next(each["id"] for each in keys if each["algorithm"] == algorithm)

        achievement = await desk.oak.achievement()
        kept = await desk.oak.issue(achievement, "kept@example.org", formats=formats)
        await eventually(lambda: desk.logged(kept["id"]), within=60)
        since = datetime.now(UTC)
        later = await desk.oak.issue(achievement, "later@example.org", formats=formats)
        await eventually(lambda: says(employer, later["credential"], "valid", None))

        drill = ("drill", "key-compromise", key, "--since", since.isoformat(), "--reissue")
        code, plan, errors = await desk.run(*drill, "--dry-run")
        assert code == 0, errors
        assert (plan["kept"], [each["badges"] for each in plan["to_revoke"]]) == (1, [1])
        code, done, errors = await desk.run(*drill, "--yes")
        assert code == 0, errors
        [revocation] = done["revocations"]
        assert (revocation["state"], revocation["revoked"], revocation["reissued"]) == ("done", 1, 1)
        # Again, it finds nothing left to do.
        code, again, errors = await desk.run(*drill, "--yes")
        assert (code, again["revocations"], again["in_use"]) == (0, [], done["in_use"]), errors

        [outcome] = (await client.get(f"/v1/revocations/{revocation['id']}/badges")).json()["items"]
        anew = (await client.get(f"/v1/credentials/{outcome['replaced_by']}")).json()
        assert outcome["id"] == later["id"]
        assert methods_of(anew["credential"])[-1] == done["in_use"]["verification_method"]
        await eventually(lambda: says(employer, anew["credential"], "valid", None))
        # The key is what is said first of a badge that it signed too late.
        assert (await verify(employer, later["credential"]))["verdict"] == "invalid"
        await eventually(lambda: says(employer, kept["credential"], "valid", None))
        for badge, verdict in ((kept, "valid"), (later, "invalid"), (anew, "valid")):
            if token := badge["token"]:
                answer = await employer.post("/v1/verifications", json={"token": token})
                assert answer.json()["verdict"] == verdict
        record = (await desk.oak.record(later["id"])).json()
        assert (record["status"], record["history"][-1]["reason"]["code"]) == ("revoked", "key_compromise")
        forged = await desk.forged(key, kept["credential"])
        assert await says(employer, forged, "invalid", "key_retired")
        await client.aclose()
        await employer.aclose()


async def test_what_was_accepted_before_and_logged_later_is_revoked_too(
    tmp_path: Path, clean_database: Callable[[str], CleanDatabase], embedded_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, embedded_log, split=True, public_url=PUBLIC) as stack:
        async with httpx.AsyncClient(headers=bearer(stack.operator_key), timeout=60) as operator:
            body = {"name": "Oak College", "slug": f"oak-{uuid4().hex[:8]}", "did_method": "web"}
            founded = (await operator.post(f"{stack.urls['issuer']}/v1/institutions", json=body)).json()
        client = httpx.AsyncClient(base_url=stack.urls["issuer"], headers=bearer(founded["api_key"]), timeout=60)
        desk = Desk(stack, tmp_path, Institution(founded["id"], founded["did"], stack.urls, client))
        keys = (await client.get(f"/v1/institutions/{desk.oak.id}/signing-keys")).json()["items"]
        key = next(each["id"] for each in keys if each["algorithm"] == "EdDSA")
        achievement = await desk.oak.achievement()
        await eventually(lambda: known(desk))
        worker = stack.processes["registry", "worker"]
        await worker.stop()
        waiting = await desk.oak.issue(achievement, "waiting@example.org")
        since = datetime.now(UTC)
        worker.start()
        await worker.ready()
        await eventually(lambda: desk.logged(waiting["id"]), within=60)
        code, done, errors = await desk.run("drill", "key-compromise", key, "--since", since.isoformat(), "--yes")
        assert code == 0, errors
        [border] = done["revocations"]
        assert (border["selection"], border["revoked"], border["reissued"]) == ({"ids": 1}, 1, 0)
        assert (await client.get(f"/v1/credentials/{waiting['id']}")).json()["status"] == "revoked"
        await client.aclose()


async def known(desk: Desk) -> bool:
    """Whether registry and verifier know the institution's key."""
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    return (await desk.oak.client.get(f"{desk.stack.urls['registry']}/v1/log/size", params={"at": past})).is_success
