"""Those who use Laurel, each through public routes alone: operator, institution, employer."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

BADGE = {
    "name": "Bridge Building",
    "description": "Holders can plan, build and inspect a timber bridge.",
    "criteria": {"narrative": "Build a bridge that carries *two cows*."},
}


@dataclass(frozen=True)
class Institution:
    """A partner institution with its API key and the services' addresses."""

    id: str
    did: str
    urls: dict[str, str]
    client: httpx.AsyncClient

    async def achievement(self, **members: Any) -> str:
        """Define and publish an achievement; return its id."""
        made = await self._done("POST", "/v1/achievements", json={**BADGE, **members})
        await self._done("POST", f"/v1/achievements/{made['id']}/publish")
        return str(made["id"])

    async def issue(self, achievement: str, email: str = "learner@example.org", **members: Any) -> dict[str, Any]:
        """Issue one credential; return the answer of 201."""
        body = {"achievement_id": achievement, "recipient": {"email": email}, **members}
        return await self._done("POST", "/v1/credentials", json=body)

    async def revoke(self, credential_id: str, reason: str = "withdrawn") -> dict[str, Any]:
        """Revoke one credential."""
        return await self._done("POST", f"/v1/credentials/{credential_id}/revoke", json={"reason": reason})

    async def endpoint(self, url: str) -> dict[str, Any]:
        """Register a webhook endpoint; return its id and secret."""
        return await self._done("POST", f"{self.urls['notifier']}/v1/endpoints", json={"url": url})

    async def record(self, credential_id: str) -> httpx.Response:
        """Ask the registry for one credential."""
        return await self.client.get(f"{self.urls['registry']}/v1/credentials/{credential_id}")

    async def _done(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        answer = await self.client.request(method, url, **request)
        assert answer.is_success, f"{method} {url}: {answer.status_code} {answer.text}"
        body: dict[str, Any] = answer.json()
        return body


async def register_institution(urls: dict[str, str], operator_key: str, name: str = "Oak College") -> Institution:
    """Register an institution as the operator."""
    async with httpx.AsyncClient(headers=bearer(operator_key), timeout=60) as operator:
        body = {"name": name, "slug": f"oak-{uuid4().hex[:8]}"}
        answer = await operator.post(f"{urls['issuer']}/v1/institutions", json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    client = httpx.AsyncClient(base_url=urls["issuer"], headers=bearer(made["api_key"]), timeout=60)
    return Institution(made["id"], made["did"], urls, client)


async def endpoint_of(institution: Institution, url: str) -> dict[str, Any] | None:
    """Register an endpoint, once the notifier has heard of the institution's key."""
    try:
        return await institution.endpoint(url)
    except AssertionError as error:
        if ": 401" in str(error) or ": 503" in str(error):
            return None
        raise RuntimeError(str(error)) from error


async def register_employer(urls: dict[str, str], operator_key: str, name: str = "Plank Ltd") -> httpx.AsyncClient:
    """Register an employer as the operator; return a client of the verifier that carries its key."""
    async with httpx.AsyncClient(headers=bearer(operator_key), timeout=60) as operator:
        answer = await operator.post(f"{urls['verifier']}/v1/employers", json={"name": name})
    assert answer.status_code == 201, answer.text
    return httpx.AsyncClient(base_url=urls["verifier"], headers=bearer(answer.json()["api_key"]), timeout=60)


async def verify(client: httpx.AsyncClient, credential: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Have one credential verified; return the report."""
    answer = await client.post("/v1/verifications", json={"credential": credential, **members})
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def bearer(key: str) -> dict[str, str]:
    """The header that carries an API key."""
    return {"Authorization": f"Bearer {key}"}
