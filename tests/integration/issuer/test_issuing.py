"""A badge is issued: once, durably, signed as others can check, and told of in the same transaction."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import uuid4

from shared.credentials import proofs
from shared.credentials.canonical import digest
from shared.credentials.identity import matches_recipient
from shared.credentials.keys import key_of_did
from tests.integration.issuer.conftest import TOO_MUCH_EVIDENCE, Institution, Site


def is_signed_by(document: dict[str, Any], did: str) -> bool:
    def key(method: str, _: datetime | None) -> Any:
        assert method.partition("#")[0] == did
        return key_of_did(did)

    return [finding.outcome for finding in proofs.verify(document, key)] == ["pass"]


async def test_an_issued_badge_is_signed_by_its_institution_and_names_its_recipient(north: Institution) -> None:
    answer = await north.issue(await north.achievement(), recipient={"email": "Ada@Example.org", "name": "Ada"})
    made = answer.json()
    assert (answer.status_code, made["status"], made["version"]) == (201, "issued", 1)
    assert is_signed_by(made["credential"], north.did)
    subject = made["credential"]["credentialSubject"]
    assert matches_recipient(subject, {"email": "ada@example.org", "name": "Ada"}) == "pass"
    assert "ada@example.org" not in answer.text.lower()


async def test_a_badge_is_told_of_in_the_transaction_that_stores_it(site: Site, north: Institution) -> None:
    made = (await north.issue(await north.achievement())).json()
    [event] = await site.told("laurel.credential.issued.v1")
    [state] = await site.told("laurel.credential.state.v1")
    [entry] = await site.rows("select * from credential_history")
    assert event["credential"] == made["credential"]
    assert event["document_digest"] == state["document_digest"] == digest(made["credential"]).hex()
    assert event["email"] == "ada@example.org"
    assert len(event["owner_token"]) == len(event["salt"]) == 43
    assert state["history"][0]["event_id"] == str(entry["event_id"])
    assert event["status"] == state["positions"]
    assert "ada@" not in str(state)


async def test_a_badge_of_a_deployment_without_public_https_says_that_it_is_a_demo(north: Institution) -> None:
    made = (await north.issue(await north.achievement())).json()
    assert made["credential"]["name"] == "DEMO Bridge building"


async def test_every_optional_part_is_signed(north: Institution) -> None:
    achievement = await north.achievement(
        achievement_type="MicroCredential", tags=["wood", "iron"], credits_available=5, language="de-AT",
        alignment=[{"targetName": "Builder", "targetUrl": "https://esco.example/1", "targetType": "CFItem"}],
        result_descriptions=[{"id": "urn:x:grade", "name": "Grade", "resultType": "LetterGrade"}],
        human_code="B1", field_of_study="Carpentry", specialization="Timber", suspendable=True,
        micro_credential={"eqf_level": 4, "learning_outcomes": ["Builds"]},
    )  # fmt: skip
    answer = await north.issue(
        achievement,
        recipient={"id": "did:example:ada"},
        valid_from="2026-01-01T00:00:00+02:00",
        valid_until="2030-01-01T00:00:00Z",
        evidence=[{"id": "https://e.example/1", "name": "Film"}, {"narrative": "Saw it."}],
        results=[{"resultDescription": "urn:x:grade", "value": "A", "status": "Completed"}],
    )
    document = answer.json()["credential"]
    assert is_signed_by(document, north.did)
    assert document["credentialSubject"]["achievement"]["creditsAvailable"] == 5
    assert [each["targetName"] for each in document["credentialSubject"]["achievement"]["alignment"]] == [
        "Builder",
        "EQF level 4",
    ]
    assert [each["statusPurpose"] for each in document["credentialStatus"]] == ["revocation", "suspension"]


async def test_fifty_parallel_calls_with_one_key_give_one_badge(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    answers = await asyncio.gather(*[north.issue(achievement, "once") for _ in range(50)])
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1
    assert len(await site.rows("select from credentials")) == 1
    assert len(await site.told("laurel.credential.issued.v1")) == 1


async def test_a_repeated_key_hears_the_first_answer_even_after_a_revocation(north: Institution) -> None:
    achievement = await north.achievement()
    first = await north.issue(achievement, "k")
    await north.revoke(first.json()["id"])
    again = await north.issue(achievement, "k")
    assert (again.status_code, again.json()) == (201, first.json())


async def test_another_body_under_the_same_key_is_422_and_makes_nothing(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    await north.issue(achievement, "k")
    other = await north.issue(achievement, "k", recipient={"email": "bob@example.org"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await site.rows("select from credentials")) == 1


async def test_another_tenants_same_key_is_independent(site: Site, north: Institution) -> None:
    south = await site.institution()
    answers = [await each.issue(await each.achievement(), "k") for each in (north, south)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_a_key_of_ten_kilobytes_is_400(north: Institution) -> None:
    answer = await north.issue(await north.achievement(), "k" * 10_000)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_malformed")


async def test_a_badge_needs_a_published_achievement(north: Institution) -> None:
    draft = {"name": "x", "description": "x", "criteria": {"narrative": "x"}}
    made = (await north.client.post("/v1/achievements", json=draft)).json()
    answer = await north.issue(made["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "achievement_not_published")
    assert (await north.issue(str(uuid4()))).status_code == 404


async def test_what_makes_no_badge_is_422_with_its_reason(north: Institution) -> None:
    achievement = await north.achievement()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"recipient": {"name": "Ada"}}, "invalid_request"),
        ({"recipient": {"email": "not an address"}}, "invalid_request"),
        ({"recipient": {"email": "ada@example.org\r\nBcc: x@example.org"}}, "invalid_request"),
        ({"recipient": {"id": "javascript:alert(1)"}}, "invalid_request"),
        ({"recipient": {"id": "ada"}}, "invalid_request"),
        ({"recipient": {"id": "mailto:ada@example.org"}}, "invalid_request"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, "validity_is_empty"),
        ({"valid_from": "2020-01-01T00:00:00"}, "invalid_request"),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, "invalid_request"),
        ({"evidence": [{"id": "javascript:alert(1)"}]}, "invalid_request"),
        ({"evidence": [{}]}, "invalid_request"),
        ({"evidence": [{"id": "https://e.example"}] * 2}, "data_loss"),
        ({"results": [{"resultDescription": "urn:x:unknown", "value": "A"}]}, "result_description_unknown"),
        ({"formats": []}, "invalid_request"),
        ({"formats": ["vc+jwt", "vc+jwt"]}, "invalid_request"),
        ({"formats": ["rot13"]}, "invalid_request"),
        ({"status": "revoked"}, "invalid_request"),
        ({"version": 7}, "invalid_request"),
        ({"tenant_id": str(uuid4())}, "invalid_request"),
    ]
    for members, code in wrong:
        answer = await north.issue(achievement, **members)
        assert (answer.status_code, answer.json()["code"]) == (422, code), members


async def test_control_and_direction_characters_in_names_are_kept_and_nul_is_refused(north: Institution) -> None:
    achievement = await north.achievement()
    name = "Ada\r\n\x1b[31m\u202e<script>"
    made = (await north.issue(achievement, recipient={"email": "a@example.org", "name": name})).json()
    identities = made["credential"]["credentialSubject"]["identifier"]
    assert [each["identityHash"] for each in identities if each["identityType"] == "name"] == [name]
    refused = await north.issue(achievement, recipient={"email": "a@example.org", "name": "A\0"})
    assert refused.status_code == 400


async def test_a_badge_that_would_be_too_large_for_the_log_is_413_and_is_not_made(
    site: Site, north: Institution
) -> None:
    answer = await north.issue(await north.achievement(), evidence=TOO_MUCH_EVIDENCE)
    assert (answer.status_code, answer.json()["code"]) == (413, "credential_too_large")
    assert await site.rows("select from credentials") == []
    assert await site.told("laurel.credential.issued.v1") == []
