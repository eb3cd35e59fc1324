"""What the conformance suites send to be refused is refused: VC-API issuer, VC data model 2.0, VC-DI."""

import asyncio
from pathlib import Path
from typing import Any

import orjson

from shared.credentials import contexts
from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.integration.issuer.vc_api import NO_SUCH, issue, issued, with_subject, without
from tests.support.credentials import BADGE, PLAIN_1, PLAIN_2, V2, holds

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
    "the id of a list of this registry": {**PLAIN_2, "id": f"http://127.0.0.1:8002/status-lists/{NO_SUCH}"},
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


OWN_TERMS = {"Membership": "https://north.example/terms#Membership", "since": "https://north.example/terms#since"}
OWN = {
    "@context": [V2, OWN_TERMS],
    "type": ["VerifiableCredential", "Membership"],
    "credentialSubject": {"id": "did:example:ada", "since": "2019"},
}


async def test_a_credential_may_bring_terms_of_its_own_and_change_no_others(north: Institution) -> None:
    document, _ = await issued(north, OWN)
    assert holds(document, inline=True)
    for own in (
        {**OWN_TERMS, "issuer": "https://north.example/terms#issuer"},
        {**OWN_TERMS, "end": "https://www.w3.org/2018/credentials#validUntil"},
        {"@base": "https://north.example/", "Membership": "Membership", "since": "since"},
        {"@vocab": None},
        {"@import": V2},
        {"@vocab": "https://www.w3.org/2018/credentials#"},
    ):
        answer = await issue(north, {**OWN, "@context": [V2, own]})
        assert answer.status_code == 400, (own, answer.text)
        assert answer.json()["code"] in ("data_loss", "unsupported_context"), own


async def test_a_badge_brings_no_terms_of_its_own(north: Institution) -> None:
    badge = {**BADGE, "id": "urn:x:1", "issuer": {"type": ["Profile"], "name": "North"}}
    for stated in ([*BADGE["@context"], OWN_TERMS], BADGE["@context"][::-1], [V2, {"@vocab": "https://x.example/"}]):
        answer = await issue(north, {**badge, "@context": stated})
        assert answer.status_code in (400, 422), answer.text


async def test_a_context_of_the_suites_is_known_where_a_file_has_it(make_site: MakeSite, tmp_path: Path) -> None:
    url = "https://www.w3.org/ns/credentials/examples/v2"
    file = tmp_path / "contexts.json"
    file.write_bytes(orjson.dumps({url: {"@context": {"@vocab": "https://www.w3.org/ns/credentials/examples#"}}}))
    credential = {**PLAIN_2, "@context": [V2, url], "type": ["VerifiableCredential", "ExampleDegreeCredential"]}
    for settings, status in (({"extra_contexts": file}, 201), ({}, 400)):
        site: Site = await make_site(**settings)
        assert (await issue(await site.institution(), credential)).status_code == status


async def test_a_term_that_not_all_copies_of_the_open_badges_context_have_is_refused_by_its_place(
    north: Institution,
) -> None:
    credential = {**PLAIN_2, "@context": [V2, contexts.OPEN_BADGES_V3], "endorsementJwt": ["e30.e30.c2ln"]}
    answer = await issue(north, credential)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_conformant")
    assert answer.json()["errors"][0]["path"] == "endorsementJwt"
