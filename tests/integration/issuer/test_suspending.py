"""A badge that can be suspended is, until it is reinstated, and everybody is told; any other badge can't be."""

import asyncio

from tests.integration.issuer.conftest import Institution, Site


async def _issued(institution: Institution, *, suspendable: bool = True) -> str:
    answer = await institution.issue(await institution.achievement(suspendable=suspendable))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_badge_is_suspended_and_reinstated_with_its_bit(site: Site, north: Institution) -> None:
    badge = await _issued(north)
    for version, (command, status, raised) in enumerate(
        (("suspend", "suspended", True), ("reinstate", "issued", False), ("suspend", "suspended", True)), start=2
    ):
        answer = await north.change(badge, command, reason="Under investigation.")
        assert (answer.status_code, answer.json()) == (200, {"id": badge, "status": status, "version": version})
        assert answer.headers["etag"] == f'"{version}"'
        assert (await north.credential(badge))["state"] == status
        rows = await site.rows("select purpose, raised from status_positions order by purpose")
        assert [(row["purpose"], row["raised"]) for row in rows] == [("revocation", False), ("suspension", raised)]
    events = await site.told("laurel.credential.status-changed.v1")
    assert [event["change"] for event in events] == ["suspended", "reinstated", "suspended"]
    assert events[0]["reason"] == {"code": "other", "note": "Under investigation."}
    states = await site.told("laurel.credential.state.v1")
    assert [(state["version"], state["status"]) for state in states] == [
        (1, "issued"), (2, "suspended"), (3, "issued"), (4, "suspended"),
    ]  # fmt: skip


async def test_done_twice_or_at_once_is_done_once_and_answers_the_same(site: Site, north: Institution) -> None:
    badge = await _issued(north)
    for command, version in (("suspend", 2), ("reinstate", 3)):
        answers = await asyncio.gather(*[north.change(badge, command, reason="other") for _ in range(5)])
        assert {(answer.status_code, answer.json()["version"]) for answer in answers} == {(200, version)}
    assert len(await site.told("laurel.credential.status-changed.v1")) == 2


async def test_a_badge_without_a_place_for_it_can_neither_be_suspended_nor_reinstated(north: Institution) -> None:
    badge = await _issued(north, suspendable=False)
    for command in ("suspend", "reinstate"):
        answer = await north.change(badge, command, reason="other")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_suspendable")


async def test_a_revocation_is_final(north: Institution) -> None:
    badge = await _issued(north)
    await north.change(badge, "suspend", reason="other")
    await north.revoke(badge)
    for command in ("suspend", "reinstate"):
        answer = await north.change(badge, command, reason="other")
        assert (answer.status_code, answer.json()["code"]) == (409, "status_does_not_allow")
    assert (await north.credential(badge))["state"] == "revoked"


async def test_what_has_changed_since_is_412_what_is_anothers_404_and_a_key_needs_the_scope(
    site: Site, north: Institution
) -> None:
    badge, south = await _issued(north), await site.institution()
    for command in ("suspend", "reinstate"):
        stale = await north.change(badge, command, reason="other", if_match='"7"')
        assert (stale.status_code, stale.json()["code"]) == (412, "version_changed")
        assert (await south.change(badge, command, reason="other")).status_code == 404
        async with await north.key(scopes=["issue"]) as issuer:
            answer = await issuer.post(f"/v1/credentials/{badge}/{command}", json={"reason": "other"})
            assert answer.status_code == 403
    assert (await north.credential(badge))["version"] == 1
