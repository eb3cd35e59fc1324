"""VC-API: a status is set by the institution's own names, and of its own credentials alone."""

from uuid import uuid4

import httpx
import pytest

from shared.credentials import jwt, proofs
from shared.credentials.status import decode_list, get_bit
from tests.integration.issuer.conftest import Institution, Site
from tests.integration.issuer.vc_api import NO_SUCH, issued, set_status
from tests.support.credentials import PLAIN_2, key_of_method


async def test_a_revocation_sets_the_bit_is_done_once_and_is_final(site: Site) -> None:
    north = await site.institution()
    name = f"urn:uuid:{uuid4()}"
    document, credential_id = await issued(north, {**PLAIN_2, "id": name})
    first = await set_status(north, name)
    assert (first.status_code, first.json()) == (200, {"id": credential_id, "status": "revoked", "version": 2})
    for other_name in (name, credential_id):
        assert (await set_status(north, other_name)).json() == first.json()
    back = await set_status(north, name, status=False)
    assert (back.status_code, back.json()["code"]) == (409, "status_does_not_allow")
    assert len(await site.told("laurel.credential.status-changed.v1")) == 1
    await site.list_signer().sign_due()
    listed = (await site.told("laurel.status-list.state.v1"))[-1]
    index = int(document["credentialStatus"]["statusListIndex"])
    for claims in (listed["credential"], jwt.read(listed["token"]).document):
        assert get_bit(decode_list(claims["credentialSubject"]["encodedList"]), index)
    assert jwt.verify(jwt.read(listed["token"]), None, key_of_method).outcome == "pass"
    assert proofs.verify(listed["credential"], key_of_method)[0].outcome == "pass"


async def test_the_suites_leave_out_status_and_name_the_entry(north: Institution) -> None:
    document, credential_id = await issued(north)
    entry = document["credentialStatus"]
    elsewhere = await set_status(north, credential_id, **{**entry, "statusListIndex": "131072"})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (400, "status_entry_unknown")
    body = {"credentialId": credential_id, "credentialStatus": entry}
    answer = await north.client.post(f"/institutions/{north.slug}/suites/vc+jwt/credentials/status", json=body)
    assert answer.json()["status"] == "revoked"


async def test_suspension_is_for_what_has_an_entry_for_it(north: Institution) -> None:
    _, credential_id = await issued(north)
    refused = await set_status(north, credential_id, "suspension")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_suspendable")
    badge = (await north.issue(await north.achievement(suspendable=True))).json()
    address = badge["credential"]["id"]
    for status, then in ((True, "suspended"), (True, "suspended"), (False, "issued")):
        assert (await set_status(north, address, "suspension", status)).json()["status"] == then


@pytest.mark.parametrize(
    "entry",
    [{"type": "StatusList2021Entry"}, {"statusPurpose": "message"}, {"status": "0x1"}],
    ids=["type", "purpose", "another member"],
)
async def test_a_status_of_another_kind_is_400(north: Institution, entry: dict[str, str]) -> None:
    _, credential_id = await issued(north)
    answer = await set_status(north, credential_id, **entry)
    assert answer.status_code == 400
    assert (await set_status(north, credential_id, status="yes")).status_code == 400


# --- tenants ---------------------------------------------------------------------------------------------------------


async def test_anothers_slug_and_names_are_unknown_and_a_key_needs_its_scope(site: Site) -> None:
    north, oak = await site.institution(), await site.institution()
    name = f"urn:uuid:{uuid4()}"
    _, credential_id = await issued(north, {**PLAIN_2, "id": name})
    body = {"credential": PLAIN_2}
    for slug in (north.slug, "nobody"):
        path = f"/institutions/{slug}/suites/eddsa-rdfc-2022/credentials"
        answers = [await oak.client.post(f"{path}/issue", json=body)]
        status = {"credentialId": name, "credentialStatus": {"type": "BitstringStatusListEntry"}}
        status["credentialStatus"] = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}
        answers.append(await oak.client.post(f"{path}/status", json=status))
        assert [(each.status_code, each.json()["code"]) for each in answers] == [(404, "institution_not_found")] * 2
    for unknown in (name, credential_id, NO_SUCH, "x"):
        answer = await set_status(oak, unknown)
        assert (answer.status_code, answer.json()["code"]) == (404, "credential_not_found")
    reader, issuer = await north.key(scopes=["read"]), await north.key(scopes=["issue"])
    async with reader, issuer:
        assert (await reader.post("/credentials/issue", json=body)).status_code == 403
        assert (await issuer.post("/credentials/issue", json=body)).status_code == 201
        assert (await issuer.post("/credentials/status", json=status)).status_code == 403
    async with httpx.AsyncClient(base_url=site.url, timeout=60) as nobody:
        assert (await nobody.post("/credentials/issue", json=body)).status_code == 401
    assert (await north.client.get(f"/v1/credentials/{credential_id}")).json()["status"] == "issued"


async def test_what_was_told_is_told_again_word_for_word_and_the_ledger_has_it(site: Site) -> None:
    north = await site.institution()
    _, credential_id = await issued(north, {**PLAIN_2, "id": "urn:x:once"}, suite="vc+jwt")
    await set_status(north, "urn:x:once")
    await site.list_signer().sign_due()
    kinds = ["laurel.generic-credential.issued.v1", "laurel.credential.state.v1", "laurel.status-list.state.v1"]
    before = [(await site.told(kind))[-1] for kind in kinds]
    assert (await site.operator.post("/v1/ops/refeed")).status_code == 200
    assert [(await site.told(kind))[-1] for kind in kinds] == before
    assert credential_id in (await site.operator.get("/v1/ops/ledger")).text
