"""VC-API: any credential is issued as the conformance suites want it, recorded, and its status set."""

from typing import Any

from shared.credentials import proofs
from shared.credentials.keys import key_of_did
from tests.integration.issuer.conftest import Institution, Site

V1, V2 = "https://www.w3.org/2018/credentials/v1", "https://www.w3.org/ns/credentials/v2"
TERMS = {"Membership": "https://north.example/terms#Membership", "since": "https://north.example/terms#since"}
VC_2 = {
    "@context": [V2, TERMS],
    "type": ["VerifiableCredential", "Membership"],
    "credentialSubject": {"id": "did:example:ada", "since": "2019"},
}
VC_1 = {**VC_2, "@context": [V1, TERMS]}
PLAIN_2 = {
    "@context": [V2],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": "did:example:ada", "name": "Ada"},
}
PLAIN_1 = {"@context": [V1], "type": ["VerifiableCredential"], "credentialSubject": {"id": "did:example:ada"}}


async def issue(institution: Institution, credential: Any, suite: str | None = None, **members: Any) -> Any:
    path = f"/institutions/{institution.slug}/suites/{suite}" if suite else ""
    headers = {"Idempotency-Key": members.pop("key")} if "key" in members else {}
    body = {"credential": credential, **members}
    return await institution.client.post(f"{path}/credentials/issue", json=body, headers=headers)


def holds(document: dict[str, Any]) -> bool:
    [finding] = proofs.verify(document, lambda method, _: key_of_did(method.partition("#")[0]))
    return finding.outcome == "pass"


async def test_a_credential_is_issued_with_a_proof_and_a_status_and_told_as_generic(site: Site) -> None:
    north = await site.institution()
    answer = await issue(north, PLAIN_2)
    assert answer.status_code == 201, answer.text
    document = answer.json()["verifiableCredential"]
    assert holds(document)
    assert document["issuer"] == north.did
    assert "id" not in document
    [event] = await site.told("laurel.generic-credential.issued.v1")
    assert event["credential"] == document
    [state] = await site.told("laurel.credential.state.v1")
    [place] = state["positions"]
    assert document["credentialStatus"]["statusListIndex"] == str(place["index"])
    assert answer.headers["Location"].endswith(f"/credentials/{event['credential_id']}")
