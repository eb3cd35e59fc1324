"""VC-API: any credential is issued as the conformance suites want it, told of once, and its status set."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.credentials import jwt, proofs
from shared.credentials.status import decode_list, get_bit
from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.support.credentials import BADGE, PLAIN_1, PLAIN_2, V1, V2, holds, key_of_method

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
    answer = await issue(north, {**badge, "credentialSubject": without(BADGE["credentialSubject"], "achievement")})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_conformant")
    assert "credentialSubject.achievement" in [each["path"] for each in answer.json()["errors"]]


# What the suites send, and what must be refused of it with 400: VC-API issuer, VC data model 2.0, VC-DI.
TRAPS: dict[str, Any] = {
    "no context": without(PLAIN_2, "@context"),
    "context that is no array": {**PLAIN_2, "@context": 4},
    "context of no kind": {**PLAIN_2, "@context": [{"foo": True}, 4, False, None]},
    "context of another order": {**PLAIN_2, "@context": ["https://www.w3.org/ns/did/v1", V2]},
    "unknown context": {**PLAIN_2, "@context": [V2, "https://attacker.example/context"]},
    "no type": without(PLAIN_2, "type"),
    "type that is no array": {**PLAIN_2, "type": 4},
    "types that are no texts": {**PLAIN_2, "type": [2, None, {"foo": True}, False]},
    "undefined type": {**PLAIN_2, "type": ["VerifiableCredential", "NoSuchType"]},
    "undefined member": {**PLAIN_2, "noSuchTerm": "x"},
    "issuer of no kind": {**PLAIN_2, "issuer": 4},
    "issuer null": {**PLAIN_2, "issuer": None},
    "another's issuer": {**PLAIN_2, "issuer": "did:example:another"},
    "another's issuer as an object": {**PLAIN_2, "issuer": {"id": "did:example:another"}},
    "no subject": without(PLAIN_2, "credentialSubject"),
    "empty subject": {**PLAIN_2, "credentialSubject": {}},
    "one empty subject among others": {**PLAIN_2, "credentialSubject": [{"id": "did:example:ada"}, {}]},
    "subjects of no kind": {**PLAIN_2, "credentialSubject": [None, True, 4]},
    "id that is no URL": {**PLAIN_2, "id": "not a url"},
    "several ids": {**PLAIN_2, "id": ["urn:x:1", "urn:x:2"]},
    "subject's id that is no URL": with_subject(id="x"),
    "date without zone": {**PLAIN_2, "validFrom": "2026-01-01T00:00:00"},
    "end before beginning": {**PLAIN_2, "validFrom": "2026-01-02T00:00:00Z", "validUntil": "2026-01-01T00:00:00Z"},
    "status without type": {**PLAIN_2, "credentialStatus": {"id": "https://x.example/1"}},
    "status id that is no URL": {**PLAIN_2, "credentialStatus": {"id": "x", "type": "BitstringStatusListEntry"}},
    "schema without type": {**PLAIN_2, "credentialSchema": {"id": "https://x.example/schema"}},
    "schema id that is no URL": {**PLAIN_2, "credentialSchema": {"id": "x", "type": "JsonSchema"}},
    "refresh service without type": {**PLAIN_2, "refreshService": {"id": "https://x.example/refresh"}},
    "terms without type": {**PLAIN_2, "termsOfUse": {"id": "https://x.example/terms"}},
    "evidence without type": {**PLAIN_2, "evidence": {"id": "https://x.example/evidence"}},
    "language value with another member": {**PLAIN_2, "name": {"@value": "A", "@language": "en", "url": "x"}},
    "related resource without digest": {**PLAIN_2, "relatedResource": [{"id": "https://x.example/1"}]},
    "related resource twice": {
        **PLAIN_2,
        "relatedResource": [{"id": "https://x.example/1", "digestMultibase": "uEiB"}] * 2,
    },
    "relatedResource id that is no URL": {**PLAIN_2, "relatedResource": [{"id": "x", "digestMultibase": "uEiB"}]},
    "a proof already": {**PLAIN_2, "proof": {"type": "DataIntegrityProof"}},
    "another part with its own id": {**with_subject(id="urn:x:1"), "id": "urn:x:1"},
    "an id of this registry": {**PLAIN_2, "id": f"http://127.0.0.1:8002/credentials/{NO_SUCH}"},
    "a place in a list of this registry": {
        **PLAIN_2,
        "credentialStatus": {
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "7",
            "statusListCredential": f"http://127.0.0.1:8002/status-lists/{NO_SUCH}",
        },
    },
    "1.1: a date without zone": {**PLAIN_1, "issuanceDate": "yesterday"},
}


async def test_what_the_suites_send_to_be_refused_is_400_with_a_problem_and_nothing_is_issued(site: Site) -> None:
    north = await site.institution()
    for name, credential in TRAPS.items():
        answer = await issue(north, credential)
        assert answer.status_code == 400, (name, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", name
        assert {"type", "title", "status", "code", "detail"} <= set(answer.json()), name
        assert "verifiableCredential" not in answer.json()
    for body in ({"verifiableCredential": PLAIN_2}, {}, [], {"credential": 4}, {"credential": PLAIN_2, "tenant_id": 1}):
        answer = await north.client.post("/credentials/issue", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), body
    nul = b'{"credential": {"name": "\\u0000"}}'
    answer = await north.client.post("/credentials/issue", content=nul, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert not await site.rows("select from credentials")


async def test_a_poison_graph_and_a_heap_are_refused_in_bounded_time(north: Institution) -> None:
    def tree(depth: int) -> dict[str, Any]:
        return {"type": "Person", "knows": [tree(depth - 1) for _ in range(3)]} if depth else {"type": "Person"}

    heap = {**PLAIN_2, "credentialSubject": [{"id": f"urn:x:{n}"} for n in range(6_000)]}
    for credential in (with_subject(knows=[tree(4), tree(4)]), heap):
        answer = await asyncio.wait_for(issue(north, credential), 10)
        assert answer.status_code == 400


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


# --- status ----------------------------------------------------------------------------------------------------------


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
    assert [
        row["status"] for row in await site.rows("select status from credentials where id = $1", UUID(credential_id))
    ] == ["issued"]


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
