"""Suspended, reinstated, replaced, renewed: what verifier, page, record and status list say of it, from outside."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from shared.credentials.status import decode_list, get_bit
from tests.e2e.conftest import Laurel
from tests.e2e.test_journey import recorded, verdict
from tests.support.people import Institution, register_employer, register_institution
from tests.support.poll import eventually

VALID, REVOKED, SUSPENDED = ("valid", None), ("invalid", "revoked"), ("invalid", "suspended")
ENDS = "2126-01-01T00:00:00Z"


async def _change(institution: Institution, badge: dict[str, Any], command: str, **members: Any) -> dict[str, Any]:
    answer = await institution.client.post(f"/v1/credentials/{badge['id']}/{command}", json=members)
    assert answer.is_success, answer.text
    return dict(answer.json())


async def _bit(registry: httpx.AsyncClient, badge: dict[str, Any], purpose: str) -> bool | None:
    """The badge's bit in the list that the registry serves; None while it serves none."""
    [entry] = [each for each in badge["credential"]["credentialStatus"] if each["statusPurpose"] == purpose]
    answer = await registry.get(f"/status-lists/{entry['statusListCredential'].rpartition('/')[2]}")
    if answer.status_code != 200:
        return None
    return get_bit(decode_list(answer.json()["credentialSubject"]["encodedList"]), int(entry["statusListIndex"]))


async def _page(registry: httpx.AsyncClient, badge_id: str) -> str:
    answer = await registry.get(f"/credentials/{badge_id}", headers={"Accept": "text/html"})
    return answer.text if answer.status_code == 200 else ""


async def test_what_becomes_of_a_badge_is_seen_by_everybody(laurel: Laurel) -> None:
    urls, key = laurel.stack.urls, laurel.stack.operator_key
    institution, employer = await register_institution(urls, key), await register_employer(urls, key)
    achievement = await institution.achievement(suspendable=True)
    badge = await institution.issue(
        achievement, valid_until=ENDS, recipient={"email": "a@example.org", "name": "Ada P."}
    )

    def says(badge: dict[str, Any], wanted: tuple[str, str | None]) -> Callable[[], Awaitable[bool]]:
        async def said() -> bool:
            return await verdict(employer, badge["credential"]) == wanted

        return said

    async with httpx.AsyncClient(base_url=urls["registry"], timeout=60) as registry:

        async def bits(badge: dict[str, Any]) -> tuple[bool | None, bool | None]:
            return await _bit(registry, badge, "revocation"), await _bit(registry, badge, "suspension")

        async def has_bits(badge: dict[str, Any], *wanted: bool) -> bool:
            return await bits(badge) == wanted

        await eventually(says(badge, VALID))
        for command, wanted, raised in (("suspend", SUSPENDED, True), ("reinstate", VALID, False)):
            await _change(institution, badge, command, reason="other")
            await eventually(says(badge, wanted))
            await eventually(lambda raised=raised: has_bits(badge, False, raised))

        new = await _change(institution, badge, "replace", recipient={"name": "Ada Planted"})
        await eventually(says(badge, REVOKED))
        await eventually(says(new, VALID))
        await eventually(lambda: has_bits(badge, True, False))
        assert (await recorded(institution, badge["id"], "revoked"))["replaced_by"] == new["id"]
        assert (await recorded(institution, new["id"], "issued"))["replaces"] == badge["id"]
        report = (await employer.post("/v1/verifications", json={"credential": badge["credential"]})).json()
        assert new["id"] in report["summary"]
        assert f'href="/credentials/{new["id"]}"' in await _page(registry, badge["id"])
        assert "Ada Planted" not in await _page(registry, new["id"])

        newest = await _change(institution, new, "renew")
        await eventually(says(newest, VALID))
        assert await verdict(employer, new["credential"]) == VALID
        record = await recorded(institution, newest["id"], "issued")
        assert (record["renews"], record["state"]) == (new["id"], "issued")
        assert (await recorded(institution, new["id"], "issued"))["state"] == "renewed"
        assert f'href="/credentials/{newest["id"]}"' in await _page(registry, new["id"])
    await employer.aclose()
