"""An institution moves from did:key to did:web: its badges of before and after hold alike, and are revoked alike."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from shared.credentials.keys import method_id
from shared.credentials.proofs import sign
from tests.support.badges import a_badge, a_key
from tests.support.people import Institution, bearer, register_employer, verify
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.stack import standing

PUBLIC = "https://badges.example"


async def are(employer: httpx.AsyncClient, badges: list[dict[str, Any]], *said: str | None) -> bool:
    """Whether the verifier says this of each badge, an institution of this registry having signed it."""
    reports = [await verify(employer, badge) for badge in badges]
    return all(
        (report["verdict"], report["reason"], report["issuer"]["standing"]) == (*said, "registered")
        for report in reports
    )


async def test_badges_of_before_and_after_are_valid_and_both_are_seen_revoked(
    tmp_path: Path, clean_database: Callable[[str], CleanDatabase], embedded_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, embedded_log, public_url=PUBLIC) as stack:
        slug = f"oak-{uuid4().hex[:8]}"
        async with httpx.AsyncClient(headers=bearer(stack.operator_key), timeout=60) as operator:
            body = {"name": "Oak College", "slug": slug, "did_method": "key"}
            founded = (await operator.post(f"{stack.urls['issuer']}/v1/institutions", json=body)).json()
        employer = await register_employer(stack.urls, stack.operator_key)
        key = bearer(founded["api_key"])
        async with httpx.AsyncClient(base_url=stack.urls["issuer"], headers=key, timeout=60) as client:
            oak = Institution(founded["id"], founded["did"], stack.urls, client)
            achievement = await oak.achievement()
            before = await oak.issue(achievement)
            path = f"/v1/institutions/{oak.id}/did"
            did = (await client.post(path, json={"did_method": "web"})).json()["did"]
            after = await oak.issue(achievement, formats=["eddsa-rdfc-2022", "ecdsa-rdfc-2019"])
            badges = [each["credential"] for each in (before, after)]
            assert [each["issuer"]["id"] for each in badges] == [oak.did, did]
            await eventually(lambda: are(employer, badges, "valid", None))
            for each in (before, after):
                await oak.revoke(each["id"])
            await eventually(lambda: are(employer, badges, "invalid", "revoked"))
            record = await eventually(lambda: recorded_as_revoked(oak, before["id"]))
            assert record["issuer"] == {"id": did, "name": "Oak College", "former_ids": [oak.did]}
            await eventually(lambda: lists_have_their_badges_issuers(stack.urls["registry"], badges))
        await employer.aclose()


async def recorded_as_revoked(oak: Institution, credential_id: str) -> dict[str, Any] | None:
    """The registry's record, once it says so."""
    record: dict[str, Any] = (await oak.record(credential_id)).json()
    return record if record.get("status") == "revoked" else None


async def lists_have_their_badges_issuers(registry: str, badges: list[dict[str, Any]]) -> bool:
    """Whether the registry publishes each badge's list as its own issuer's."""
    async with httpx.AsyncClient(base_url=registry) as anybody:
        urls = [each["credentialStatus"]["statusListCredential"].removeprefix(PUBLIC) for each in badges]
        answers = [await anybody.get(url) for url in urls]
    return [each.json().get("issuer") for each in answers] == [each["issuer"]["id"] for each in badges]


async def test_every_format_can_be_tried_on_one_machine_and_a_strangers_did_of_it_is_refused(
    tmp_path: Path, clean_database: Callable[[str], CleanDatabase], embedded_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, embedded_log) as stack:
        body = {"name": "Sample College", "slug": "sample", "did_method": "web", "sandbox": True}
        async with httpx.AsyncClient(headers=bearer(stack.operator_key), timeout=60) as operator:
            founded = (await operator.post(f"{stack.urls['issuer']}/v1/institutions", json=body)).json()
        employer = await register_employer(stack.urls, stack.operator_key)
        key = bearer(founded["api_key"])
        async with httpx.AsyncClient(base_url=stack.urls["issuer"], headers=key, timeout=60) as client:
            college = Institution(founded["id"], founded["did"], stack.urls, client)
            badge = await college.issue(await college.achievement(), formats=["ecdsa-rdfc-2019", "ob3-jwt"])
        await eventually(lambda: are(employer, [badge["credential"]], "valid", None))
        token = (await employer.post("/v1/verifications", json={"token": badge["token"]})).json()
        assert (token["verdict"], token["issuer"]["standing"]) == ("valid", "registered")
        report = await verify(employer, signed_in_the_name_of("did:web:localhost%3A8002:institutions:eve"))
        assert (report["verdict"], report["reason"]) == ("unknown", "did_refused")
        await employer.aclose()


def signed_in_the_name_of(did: str) -> dict[str, Any]:
    """A badge by whoever has a key and says that he is this."""
    badge, key = a_badge(status=[]), a_key()
    badge["issuer"]["id"] = badge["credentialSubject"]["achievement"]["creator"]["id"] = did
    return sign(badge, key, method_id(did, key.public_key()), datetime.now(UTC) - timedelta(hours=1))
