"""Credentials that institutions wrote themselves, on their way through all four services."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.conftest import Laurel
from tests.support.balance import check_ledgers, outboxes_are_empty
from tests.support.credentials import PLAIN_1, PLAIN_2
from tests.support.people import bearer, endpoint_of, register_employer, register_institution
from tests.support.poll import eventually


async def issued(
    issuer: httpx.AsyncClient, credential: dict[str, Any], path: str = "", **options: str
) -> tuple[dict[str, Any], str]:
    """Issue a credential; return it secured, and its id in the registry."""
    answer = await issuer.post(f"{path}/credentials/issue", json={"credential": credential, "options": options})
    assert answer.status_code == 201, answer.text
    return answer.json()["verifiableCredential"], answer.headers["Location"].rpartition("/")[2]


async def verdict(employer: httpx.AsyncClient, secured: dict[str, Any]) -> tuple[str, str | None]:
    """What the verifier says of a credential, enveloped or not."""
    token = secured["id"].partition(",")[2] if secured["type"] == "EnvelopedVerifiableCredential" else None
    body = {"token": token} if token else {"credential": secured}
    report = (await employer.post("/v1/verifications", json=body)).json()
    return report["verdict"], report["reason"]


@pytest.mark.timeout(300)
async def test_they_are_recorded_verified_revoked_and_told_of_as_badges_are(laurel: Laurel, tmp_path: Path) -> None:
    stack, slug = laurel.stack, f"elm-{uuid4().hex[:8]}"
    async with httpx.AsyncClient(headers=bearer(stack.operator_key), timeout=60) as operator:
        founded = await operator.post(f"{stack.urls['issuer']}/v1/institutions", json={"name": "Elm", "slug": slug})
    key = bearer(founded.json()["api_key"])
    oak = await register_institution(stack.urls, stack.operator_key)
    employer = await register_employer(stack.urls, stack.operator_key)
    await eventually(lambda: endpoint_of(oak, f"{laurel.listener.url}/hook"))
    async with httpx.AsyncClient(base_url=stack.urls["issuer"], headers=key, timeout=60) as elm:
        name = f"urn:uuid:{uuid4()}"
        made = {
            name: await issued(oak.client, {**PLAIN_2, "id": name}),
            "membership-7": await issued(oak.client, PLAIN_2, credentialId="membership-7"),
            "of-1.1": await issued(oak.client, PLAIN_1, credentialId="of-1.1"),
        }
        enveloped, envelope_id = await issued(elm, PLAIN_2, f"/institutions/{slug}/suites/vc+jwt")
        kept, _ = await issued(elm, PLAIN_2)
        await eventually(lambda: all_say(employer, [*(each for each, _ in made.values()), enveloped, kept], None))
        for known, client in (*((each, oak.client) for each in made), (envelope_id, elm)):
            entry = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}
            body = {"credentialId": known, "credentialStatus": entry, "status": True}
            assert (await client.post("/credentials/status", json=body)).json()["status"] == "revoked"
    await eventually(lambda: all_say(employer, [*(each for each, _ in made.values()), enveloped], "revoked"))
    assert await verdict(employer, kept) == ("valid", None)
    told = await eventually(lambda: len(laurel.listener.webhooks) == 6 and laurel.listener.webhooks)
    assert {json.loads(each.body)["data"]["credential_id"] for each in told} == {each for _, each in made.values()}
    await eventually(lambda: outboxes_are_empty(stack))
    acknowledged = tmp_path / "acknowledged.jsonl"
    lines = [{"credential_id": each, "action": action} for _, each in made.values() for action in ("issue", "revoke")]
    acknowledged.write_text(
        "".join(json.dumps(each) + "\n" for each in sorted(lines, key=lambda line: line["credential_id"]))
    )
    await asyncio.to_thread(check_ledgers, stack, acknowledged)
    await employer.aclose()


async def all_say(employer: httpx.AsyncClient, secured: list[dict[str, Any]], reason: str | None) -> bool:
    """Whether the verifier says the same of each: that it holds, or why it does not."""
    wanted = ("invalid" if reason else "valid", reason)
    return [await verdict(employer, each) for each in secured] == [wanted] * len(secured)
