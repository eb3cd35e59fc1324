"""A credential of ours is known by what was signed where its id is its institution's own, or there is none."""

from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.credentials import jwt
from shared.credentials.canonical import digest
from shared.credentials.proofs import sign
from shared.messaging.events import CredentialState, StatusPosition
from tests.integration.verifier.builders import PUBLIC_URL, Institution, now
from tests.integration.verifier.conftest import Verifier, outcomes
from tests.support.records import beats

A_UUID = UUID(int=7)
IDS = [f"urn:uuid:{A_UUID}", f"https://oak.example/credentials/{A_UUID}"]


def stated(oak: Institution, document: dict[str, Any], status: str = "issued", **changes: Any) -> CredentialState:
    """How a credential stands whose id here is not the one in the document."""
    return oak.credential(document, status, **{"credential_id": uuid4(), "positions": (), **changes})


def reason(report: dict[str, Any]) -> tuple[str, str | None]:
    return report["verdict"], report["reason"]


async def here(served: Verifier, oak: Institution, *states: CredentialState) -> None:
    await served.feed(oak.state(), oak.key_state(), *states)
    await served.hear(beats())


@pytest.mark.parametrize("credential_id", IDS, ids=["a urn", "an address elsewhere"])
@pytest.mark.parametrize(
    ("status", "said"),
    [("issued", ("valid", None)), ("suspended", ("invalid", "suspended")), ("revoked", ("invalid", "revoked"))],
)
async def test_its_status_is_that_of_the_record_with_the_same_digest(
    served: Verifier, credential_id: str, status: str, said: tuple[str, str | None]
) -> None:
    oak = Institution()
    document = oak.badge(credential_id=credential_id, status=())
    state = stated(oak, document, status)
    await here(served, oak, state, *[stated(oak, oak.badge()) for _ in range(3)])
    employer = await served.employer()
    report = await served.verify(document, employer)
    assert reason(report) == said
    recorded = "select credential_id from verifications where id = $1"
    assert await served.value(recorded, UUID(report["id"])) == state.credential_id


async def test_as_a_token_too_and_of_the_same_document_twice_the_worse_status_counts(served: Verifier) -> None:
    oak = Institution()
    document = oak.badge(credential_id=IDS[0], status=())
    unsigned = {name: member for name, member in document.items() if name != "proof"}
    token = jwt.write_vc(unsigned, oak.key, oak.method, now() - timedelta(hours=1))
    twice = [stated(oak, document), stated(oak, document, "revoked"), stated(oak, document, "suspended")]
    known = stated(oak, oak.badge(), "revoked", token_digest=sha256(token.encode()).hexdigest())
    await here(served, oak, *twice, known)
    assert reason(await served.verify(document)) == ("invalid", "revoked")
    answer = await served.client.post("/v1/verifications", json={"token": token})
    assert reason(answer.json()) == ("invalid", "revoked")


async def test_what_was_signed_and_is_not_here_is_waited_for_and_then_not_in_the_registry(served: Verifier) -> None:
    oak = Institution()
    await here(served, oak)
    for credential_id in IDS:
        fresh = oak.badge(created=now(), credential_id=credential_id, status=())
        assert reason(await served.verify(fresh)) == ("unknown", "not_yet_recorded")
        old = oak.badge(credential_id=credential_id, status=())
        assert reason(await served.verify(old)) == ("invalid", "not_in_registry")


async def test_another_document_under_the_same_id_is_not_the_one_that_was_issued(served: Verifier) -> None:
    oak = Institution()
    document = oak.badge(credential_id=IDS[0], status=())
    await here(served, oak, stated(oak, document))
    altered = {**document, "name": "Something else"}
    assert reason(await served.verify(altered)) == ("invalid", "tampered")


async def test_an_id_that_ends_as_another_credentials_does_is_no_forgery(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    same_end = f"https://oak.example/credentials/{badge['id'].rpartition('/')[2]}"
    document = oak.badge(credential_id=same_end, status=())
    await here(served, oak, oak.credential(badge, "revoked"), stated(oak, document))
    assert reason(await served.verify(document)) == ("valid", None)
    assert reason(await served.verify(badge)) == ("invalid", "revoked")


async def test_a_status_that_the_institution_keeps_elsewhere_is_never_taken_for_looked_up(served: Verifier) -> None:
    oak = Institution()
    elsewhere = {
        "id": "https://oak.example/lists/1#7",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": "https://oak.example/lists/1",
    }
    place = StatusPosition(list_id=uuid4(), index=7, purpose="revocation")
    ours = {**elsewhere, "statusListCredential": f"{PUBLIC_URL}/status-lists/{place.list_id}"}
    same_path = {**elsewhere, "statusListCredential": f"https://oak.example/status-lists/{place.list_id}"}
    for entry, verdict in ((elsewhere, "unknown"), (same_path, "unknown"), (ours, "valid")):
        document = oak.badge(credential_id=f"urn:uuid:{uuid4()}", status=(entry,))
        await here(served, oak, stated(oak, document, positions=(place,)))
        report = await served.verify(document)
        assert report["verdict"] == verdict
        assert outcomes(report)["registry"] == "pass"


async def test_a_did_of_one_of_its_keys_is_the_institution(served: Verifier) -> None:
    """As the institution for conformance suites has one for each key."""
    oak, other_key = Institution(), Institution()
    badge = other_key.badge(credential_id=IDS[0], status=())
    key = other_key.key_state(institution_id=oak.id)
    state = stated(oak, badge, "revoked", document_digest=digest(badge).hex())
    await here(served, oak, key, state)
    report = await served.verify(badge)
    assert reason(report) == ("invalid", "revoked")
    assert report["issuer"]["standing"] == "registered"
    forged = sign({**badge, "id": "urn:x:2"}, Institution().key, other_key.method, now())
    assert (await served.verify(forged))["verdict"] == "invalid"
