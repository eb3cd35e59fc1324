"""What VC-API's tests ask of an issuer."""

from typing import Any

import httpx

from tests.integration.issuer.conftest import Institution
from tests.support.credentials import PLAIN_2

NO_SUCH = "00000000-0000-4000-8000-000000000000"


async def issue(
    institution: Institution, credential: Any, suite: str | None = None, key: str | None = None, **options: Any
) -> httpx.Response:
    path = f"/institutions/{institution.slug}/suites/{suite}" if suite else ""
    headers = {"Idempotency-Key": key} if key else {}
    body = {"credential": credential, "options": options}
    return await institution.client.post(f"{path}/credentials/issue", json=body, headers=headers)


async def issued(institution: Institution, credential: Any = PLAIN_2, **members: Any) -> tuple[dict[str, Any], str]:
    """Issue a credential; return it, and its id in the registry."""
    answer = await issue(institution, credential, **members)
    assert answer.status_code == 201, answer.text
    assert set(answer.json()) == {"verifiableCredential"}
    return answer.json()["verifiableCredential"], answer.headers["Location"].rpartition("/")[2]


async def set_status(
    institution: Institution, credential_id: str, purpose: str = "revocation", status: Any = True, **entry: str
) -> httpx.Response:
    body = {
        "credentialId": credential_id,
        "credentialStatus": {"type": "BitstringStatusListEntry", "statusPurpose": purpose, **entry},
        "status": status,
    }
    return await institution.client.post("/credentials/status", json=body)


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: member for name, member in document.items() if name not in names}


def with_subject(**members: Any) -> dict[str, Any]:
    return {**PLAIN_2, "credentialSubject": {"id": "did:example:ada", **members}}
