"""VC-API: any credential is issued as the conformance suites want it, told of once, and its status set."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.credentials import jwt
from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.integration.issuer.vc_api import issue, issued, set_status, without
from tests.support.credentials import BADGE, PLAIN_1, PLAIN_2, V1, V2, holds, key_of_method

# --- issuing -------------------------------------------------------------------------------------------------------


async def test_a_credential_is_stored_and_told_with_its_proof_and_its_place_in_a_status_list(site: Site) -> None:
    north = await site.institution()
    document, credential_id = await issued(north)
    assert holds(document)
    assert document["issuer"] == north.did
    assert "id" not in document
    [event] = await site.told("laurel.generic-credential.issued.v1")
    [state] = await site.told("laurel.credential.state.v1")
    assert (event["credential_id"], event["credential"]) == (credential_id, document)
    assert event["status"] == state["positions"]
    assert document["credentialStatus"]["statusListIndex"] == str(state["positions"][0]["index"])
    assert not await site.told("laurel.credential.issued.v1")
    summary = (await north.client.get(f"/v1/credentials/{credential_id}")).json()
    assert (summary["kind"], summary["achievement_id"], summary["client_id"]) == ("generic", None, None)


async def test_a_1_1_credential_gets_the_date_and_the_context_that_it_needs_and_no_status(north: Institution) -> None:
    document, credential_id = await issued(north, PLAIN_1)
    assert holds(document)
    assert document["@context"] == [V1, "https://w3id.org/security/data-integrity/v2"]
    assert document["issuanceDate"] == document["proof"]["created"]
    assert "credentialStatus" not in document
    assert (await set_status(north, credential_id)).json()["status"] == "revoked"


@pytest.mark.parametrize(
    ("stated", "then"),
    [({}, "did"), ({"issuer": {"name": "North"}}, {"name": "North"}), ({"issuer": "did"}, "did")],
    ids=["missing", "an object without id", "its own"],
)
async def test_the_issuer_is_filled_in_where_it_is_missing(north: Institution, stated: Any, then: Any) -> None:
    given = {name: north.did if member == "did" else member for name, member in stated.items()}
    document, _ = await issued(north, {**PLAIN_2, **given})
    assert document["issuer"] == (north.did if then == "did" else {"id": north.did, **then})
    assert holds(document)


async def test_a_badge_sent_here_is_held_against_the_rules_of_badges(north: Institution) -> None:
    badge = {**BADGE, "id": f"urn:uuid:{uuid4()}", "issuer": {"type": ["Profile"], "name": "North"}}
    document, _ = await issued(north, badge)
    assert holds(document)
    without_achievement = {
        **badge,
        "id": "urn:x:2",
        "credentialSubject": without(badge["credentialSubject"], "achievement"),
    }
    answer = await issue(north, without_achievement)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_conformant")
    told = {each["path"]: each["member"] for each in answer.json()["errors"]}
    assert told["credentialSubject.achievement"] == "credential.credentialSubject.achievement"


# --- suites and keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suite", "algorithm", "proof"),
    [
        ("eddsa-rdfc-2022", "EdDSA", "eddsa-rdfc-2022"),
        ("eddsa-jcs-2022", "EdDSA", "eddsa-jcs-2022"),
        ("ecdsa-rdfc-2019", "ES256", "ecdsa-rdfc-2019"),
        ("ecdsa-jcs-2019", "ES256", "ecdsa-jcs-2019"),
        ("ecdsa-rdfc-2019-p384", "ES384", "ecdsa-rdfc-2019"),
        ("ecdsa-jcs-2019-p384", "ES384", "ecdsa-jcs-2019"),
        ("Ed25519Signature2020", "EdDSA", None),
    ],
)
@pytest.mark.parametrize("credential", [PLAIN_1, PLAIN_2], ids=["1.1", "2.0"])
async def test_suite_and_key_are_bound_by_the_address(
    make_site: MakeSite, suite: str, algorithm: str, proof: str | None, credential: Any
) -> None:
    """With a did:key for each kind of key, as the suites want it."""
    north = await with_a_did_per_key(make_site, algorithm)
    document, _ = await issued(north, credential, suite=suite)
    assert holds(document)
    assert document["proof"].get("cryptosuite") == proof
    assert document["proof"]["verificationMethod"].partition("#")[0] == document["issuer"]
    assert document["issuer"].startswith("did:key:")
    # Its list would have another issuer than the credential: there, none is named.
    assert ("credentialStatus" in document) == (credential is PLAIN_2 and algorithm == "EdDSA")


@pytest.mark.parametrize("suite", ["vc+jwt", "vc+jwt-es256", "vc+jwt-es384"])
async def test_a_token_comes_in_an_enveloped_credential(make_site: MakeSite, suite: str) -> None:
    algorithm = {"vc+jwt": "EdDSA", "vc+jwt-es256": "ES256", "vc+jwt-es384": "ES384"}[suite]
    north = await with_a_did_per_key(make_site, algorithm)
    envelope, credential_id = await issued(north, PLAIN_2, suite=suite)
    assert (envelope["@context"], envelope["type"]) == ([V2], "EnvelopedVerifiableCredential")
    prefix, _, text = envelope["id"].partition(",")
    token = jwt.read(text)
    assert (prefix, token.profile) == ("data:application/vc+jwt", "vc+jwt")
    assert jwt.verify(token, None, key_of_method).outcome == "pass"
    kept = (await north.client.get(f"/v1/credentials/{credential_id}")).json()
    assert (kept["token"], holds(kept["credential"])) == (text, True)
    refused = await issue(north, PLAIN_1, suite=suite)
    assert (refused.status_code, refused.json()["code"]) == (400, "format_needs_v2")


async def test_a_web_institution_signs_by_each_suite_for_which_it_has_a_key(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await site.institution()
    document, _ = await issued(north, suite="ecdsa-jcs-2019")
    assert document["issuer"] == north.did
    assert "credentialStatus" in document
    refused = await issue(north, PLAIN_2, suite="ecdsa-rdfc-2019-p384")
    assert (refused.status_code, refused.json()["code"]) == (422, "format_needs_key")
    made = await north.client.post(f"/v1/institutions/{north.id}/signing-keys", json={"algorithm": "ES384"})
    document, _ = await issued(north, suite="ecdsa-rdfc-2019-p384")
    assert document["proof"]["verificationMethod"] == made.json()["verification_method"]


async def with_a_did_per_key(make_site: MakeSite, algorithm: str) -> Institution:
    site: Site = await make_site(vc_api_open_institution="north-for-suites")
    north = await site.institution(slug="north-for-suites")
    if algorithm != "EdDSA":
        path = f"/v1/institutions/{north.id}/signing-keys"
        assert (await north.client.post(path, json={"algorithm": algorithm})).status_code == 201
    return north


async def test_a_did_per_key_is_for_the_open_institution_alone_and_no_badge_mixes_them(make_site: MakeSite) -> None:
    north = await with_a_did_per_key(make_site, "ES256")
    refused = await north.issue(await north.achievement(), formats=["ecdsa-rdfc-2019"])
    assert refused.json()["code"] == "format_needs_did_web"
    site: Site = await make_site(vc_api_open_institution="another")
    oak = await site.institution()
    made = await oak.client.post(f"/v1/institutions/{oak.id}/signing-keys", json={"algorithm": "ES256"})
    assert made.json()["code"] == "rotation_needs_did_web"


async def test_the_open_institution_needs_no_key_and_no_other_is_open(make_site: MakeSite) -> None:
    site: Site = await make_site(vc_api_open_institution="north-for-suites")
    async with httpx.AsyncClient(base_url=site.url, timeout=60) as nobody:
        early = await nobody.post("/credentials/issue", json={"credential": PLAIN_2})
        north = await site.institution(slug="north-for-suites")
        oak = await site.institution()
        answer = await nobody.post("/credentials/issue", json={"credential": PLAIN_2})
        others = await nobody.post(
            f"/institutions/{oak.slug}/suites/eddsa-rdfc-2022/credentials/issue", json={"credential": PLAIN_2}
        )
        badge = await nobody.post("/v1/credentials", json={})
    assert (early.status_code, answer.status_code) == (401, 201)
    assert answer.json()["verifiableCredential"]["issuer"] == north.did
    assert (others.status_code, badge.status_code) == (404, 401)
    [event] = await site.told("laurel.generic-credential.issued.v1")
    assert event["actor"] == {"role": "institution", "key_id": "open"}


# --- names and repetition --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_option", [False, True], ids=["the document's id", "credentialId"])
async def test_an_institution_gives_a_name_once_and_another_one_may_give_it_too(site: Site, as_option: bool) -> None:
    north, oak = await site.institution(), await site.institution()
    name = f"urn:uuid:{uuid4()}"
    asked = {"credential": PLAIN_2, "credentialId": name} if as_option else {"credential": {**PLAIN_2, "id": name}}
    document, credential_id = await issued(north, **asked)
    assert document.get("id") == (None if as_option else name)
    again = await issue(north, {**PLAIN_2, "id": name})
    assert (again.status_code, again.json()["code"], again.json()["id"]) == (409, "credential_id_taken", credential_id)
    await issued(oak, **asked)
    assert len(await site.rows("select from credentials")) == 2


async def test_twenty_calls_for_one_name_at_once_issue_one_credential(site: Site) -> None:
    north = await site.institution()
    credential = {**PLAIN_2, "id": f"urn:uuid:{uuid4()}"}
    answers = await asyncio.gather(*(issue(north, credential) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 19]
    assert len(await site.told("laurel.generic-credential.issued.v1")) == 1


async def test_a_retry_under_its_key_hears_the_same_credential_and_another_body_is_refused(site: Site) -> None:
    north = await site.institution()
    credential = {**PLAIN_2, "id": f"urn:uuid:{uuid4()}"}
    answers = await asyncio.gather(*(issue(north, credential, key="k") for _ in range(5)))
    answers.append(await issue(north, credential, key="k"))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1
    assert answers[-1].status_code == 201
    other = await issue(north, PLAIN_2, key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await site.rows("select from credentials")) == 1


async def test_credentials_without_a_name_are_as_many_as_were_asked_for(site: Site) -> None:
    north = await site.institution()
    made = {(await issued(north, PLAIN_1))[1] for _ in range(3)}
    assert len(made) == 3
