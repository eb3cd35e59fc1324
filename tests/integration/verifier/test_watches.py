"""Employers watch badges: what each change is called, what is answered, and whose the watches are."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.integration.verifier.builders import Institution, now, strangers_badge
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.watching import ask, changed, changes, feed, look, told_all, watch
from tests.support.records import beats
from tests.support.service import OPERATOR

DAY = timedelta(days=1)


@pytest.fixture
async def oak(served: Verifier) -> Institution:
    """An institution that the verifier knows, and of which it has heard all."""
    made = Institution()
    await served.know(made)
    return made


async def test_each_change_is_told_by_its_name_and_once(served: Verifier, oak: Institution) -> None:
    employer, state = await served.employer(), told_all(oak, oak.badge())
    await served.feed(state)
    made = await watch(served, employer, state)
    assert made["answer"] == {"verdict": "valid", "reason": None, "standing": "registered"}
    assert (made["state"], made["told"], made["channels"]) == ("open", None, [])
    await look(served)
    assert await changes(served, employer) == []
    for kind in ("suspended", "reinstated", "revoked"):
        state = changed(state, kind)
        await served.feed(state)
        await served.feed(state)
        await look(served)
    assert await changes(served, employer) == ["suspended", "reinstated", "revoked"]
    events = await feed(served, employer)
    assert [each["number"] for each in events] == [each["place"] for each in events] == [1, 2, 3]
    assert events[-1]["changed_at"].startswith(f"{state.history[-1].time:%Y-%m-%dT%H:%M:%S}")
    seen = (await served.client.get(f"/v1/watches/{made['id']}", headers=employer)).json()
    assert seen["answer"] == {"verdict": "invalid", "reason": "revoked", "standing": "registered"}
    assert (seen["told"]["number"], seen["told"]["change"]) == (3, "revoked")


async def test_a_replaced_badge_is_told_as_replaced(served: Verifier, oak: Institution) -> None:
    employer, state = await served.employer(), told_all(oak, oak.badge())
    await served.feed(state)
    await watch(served, employer, state)
    await served.feed(changed(state, "revoked", replaced_by=uuid4()))
    await look(served)
    assert await changes(served, employer) == ["replaced"]


async def test_a_withdrawn_institution_a_new_name_and_its_return(served: Verifier, oak: Institution) -> None:
    employer, state = await served.employer(), told_all(oak, oak.badge())
    await served.feed(state)
    await watch(served, employer, state)
    for version, members in enumerate([{"name": "Oak"}, {"standing": "withdrawn"}, {"standing": "registered"}], 2):
        await served.feed(oak.state(version=version, **members))
        await look(served)
    told = await feed(served, employer)
    assert [(each["change"], each["standing"]) for each in told] == [
        ("standing_changed", "unknown"),
        ("standing_changed", "registered"),
    ]


async def test_a_key_that_was_withdrawn_before_it_signed_is_told_of_and_one_that_is_retired_since_is_not(
    served: Verifier, oak: Institution
) -> None:
    employer, state = await served.employer(), told_all(oak, oak.badge())
    await served.feed(state)
    await watch(served, employer, state)
    await served.feed(oak.key_state(version=2, retired_at=now() + timedelta(minutes=1)))
    await look(served)
    assert await changes(served, employer) == []
    await served.feed(oak.key_state(version=3, retired_at=now() - DAY))
    await look(served)
    assert await changes(served, employer) == ["key_withdrawn"]


async def test_dates_come_without_news(served: Verifier, oak: Institution) -> None:
    employer = await served.employer()
    state = told_all(oak, oak.badge(), valid_from=now() + DAY, valid_until=now() + 2 * DAY)
    await served.feed(state)
    assert (await watch(served, employer, state))["answer"]["reason"] == "not_yet_valid"
    await look(served)
    for wanted in ("other", "expired"):
        assert await served.value("select due_at > laurel_clock() + interval '23 hours' from watches")
        # A day goes by, for the badge and for the watch that waits for it.
        await served.execute(
            "update watches set valid_from = valid_from - interval '1 day', due_at = due_at - interval '1 day',"
            " valid_until = valid_until - interval '1 day'"
        )
        await look(served)
        assert (await changes(served, employer))[-1] == wanted
    assert await served.value("select due_at is null from watches")
    assert [each["verdict"] for each in await feed(served, employer)] == ["valid", "invalid"]


async def test_by_a_verification_dates_and_key_are_known_that_the_issuer_never_told(
    served: Verifier, oak: Institution
) -> None:
    employer = await served.employer()
    badge = oak.badge(valid_until=now() + DAY)
    state = oak.credential(badge)
    await served.feed(state)
    refused = await ask(served, employer, credential_id=str(state.credential_id))
    assert (refused.status_code, refused.json()["code"]) == (409, "verify_first")
    report = await served.verify(badge, employer)
    made = await ask(served, employer, verification_id=report["id"])
    assert made.status_code == 201, made.text
    assert (made.json()["credential_id"], made.json()["verification_id"]) == (str(state.credential_id), report["id"])
    assert await served.value("select valid_until > laurel_clock() + interval '23 hours' from watches")
    await look(served)
    await served.feed(changed(state, "revoked"))
    await look(served)
    assert await changes(served, employer) == ["revoked"]


async def test_what_was_revoked_before_is_answered_at_once_and_told_to_nobody(
    served: Verifier, oak: Institution
) -> None:
    employer, state = await served.employer(), told_all(oak, oak.badge())
    await served.feed(changed(state, "revoked"))
    assert (await watch(served, employer, state))["answer"]["reason"] == "revoked"
    await look(served)
    assert await changes(served, employer) == []


async def test_a_watch_that_began_undecided_tells_first_what_is_bad(verifier: Verifier) -> None:
    oak = Institution()
    good, bad = told_all(oak, oak.badge()), told_all(oak, oak.badge())
    async with verifier.serving():
        employer = await verifier.employer()
        await verifier.feed(oak.state(), oak.key_state(), good, changed(bad, "suspended"))
        for state in (good, bad):
            assert (await watch(verifier, employer, state))["answer"]["verdict"] == "unknown"
        await look(verifier)
        assert await changes(verifier, employer) == []
        await verifier.hear(beats())
        await verifier.execute("update watches set due_at = laurel_clock()")
        await look(verifier)
        told = await feed(verifier, employer)
        assert [(each["change"], each["credential_id"]) for each in told] == [("suspended", str(bad.credential_id))]


async def test_a_badge_has_one_watch_of_an_employer_whoever_asks_again(served: Verifier, oak: Institution) -> None:
    employer, state = await served.employer(), told_all(oak, oak.badge())
    await served.feed(state)
    body = {"credential_id": str(state.credential_id), "until": "2027-06-30"}
    first = await ask(served, employer, key="k", **body)
    assert first.status_code == 201
    assert first.json()["until"] == "2027-06-30T23:59:59Z"
    assert (await ask(served, employer, key="k", **body)).json() == first.json()
    reused = await ask(served, employer, key="k", credential_id=str(uuid4()))
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    again = await ask(served, employer, **{**body, "until": "2027-08-30T00:00:00Z", "channels": ["mail", "webhook"]})
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert (again.json()["until"], again.json()["channels"]) == ("2027-08-30T00:00:00Z", ["mail", "webhook"])
    later = {**body, "until": "2027-09-30"}
    assert [(await ask(served, employer, key="later", **later)).status_code for _ in range(2)] == [200, 200]
    assert (await ask(served, employer, key="k", **body)).status_code == 201
    await served.execute("update watches set until = laurel_clock() - interval '1 second'")
    ended = (await served.client.get("/v1/watches", headers=employer)).json()["items"]
    assert [each["state"] for each in ended] == ["ended"]
    await served.feed(changed(state, "revoked"))
    await look(served)
    assert await changes(served, employer) == []
    anew = await ask(served, employer, **body)
    assert (anew.status_code, anew.json()["answer"]["reason"]) == (201, "revoked")
    assert anew.json()["id"] != first.json()["id"]


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"credential_id": str(uuid4()), "verification_id": str(uuid4())}, 422, "invalid_request"),
        ({"credential_id": str(uuid4())}, 404, "credential_not_found"),
        ({"verification_id": str(uuid4())}, 404, "verification_not_found"),
        ({"credential_id": str(uuid4()), "until": "2020-01-01"}, 422, "until_out_of_range"),
        ({"credential_id": str(uuid4()), "until": "2099-01-01"}, 422, "until_out_of_range"),
        ({"credential_id": str(uuid4()), "until": "9999-12-31"}, 422, "invalid_request"),
        ({"credential_id": str(uuid4()), "channels": ["fax"]}, 422, "invalid_request"),
    ],
)
async def test_what_can_not_be_watched_is_refused_with_a_reason(
    served: Verifier, members: dict[str, Any], status: int, code: str
) -> None:
    answer = await ask(served, await served.employer(), **members)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_strangers_badge_can_not_be_watched(served: Verifier, oak: Institution) -> None:
    employer = await served.employer()
    report = await served.verify(strangers_badge(Institution()), employer)
    answer = await ask(served, employer, verification_id=report["id"])
    assert (answer.status_code, answer.json()["code"]) == (422, "not_of_this_registry")


async def test_an_employer_watches_so_many_badges_and_no_more(verifier: Verifier) -> None:
    oak = Institution()
    states = [told_all(oak, oak.badge()) for _ in range(3)]
    async with verifier.serving(watches_per_employer=2):
        await verifier.know(oak)
        await verifier.feed(*states)
        employer = await verifier.employer()
        first = await watch(verifier, employer, states[0])
        await watch(verifier, employer, states[1])
        refused = await ask(verifier, employer, credential_id=str(states[2].credential_id))
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_watches")
        assert (await verifier.client.delete(f"/v1/watches/{first['id']}", headers=employer)).status_code == 204
        await watch(verifier, employer, states[2])


async def test_what_one_employer_watches_is_nothing_to_another(served: Verifier, oak: Institution) -> None:
    plank, beam = await served.employer(), await served.employer("Beam Ltd")
    badge = oak.badge()
    state = told_all(oak, badge)
    await served.feed(state)
    report = await served.verify(badge, plank)
    made = await watch(served, plank, state)
    await served.feed(changed(state, "revoked"))
    await look(served)
    path = f"/v1/watches/{made['id']}"
    for answer in (
        await served.client.get(path, headers=beam),
        await served.client.delete(path, headers=beam),
        await ask(served, beam, verification_id=report["id"]),
    ):
        assert answer.status_code == 404
    assert (await served.client.get("/v1/watches", headers=beam)).json()["items"] == []
    assert await feed(served, beam) == []
    assert await changes(served, plank) == ["revoked"]
    connection = await asyncpg.connect(served.clean.app)
    try:
        for table in ("watches", "watch_events", "watch_news", "watch_feeds"):
            assert await connection.fetchval(f"select count(*) from {table}") == 0
    finally:
        await connection.close()
    institution = await served.key(oak.id, "institution", "manage", "read")
    for headers in ({}, institution):
        assert (await served.client.get("/v1/watches", headers=headers)).status_code in (401, 403)


async def test_the_watches_of_a_removed_sandbox_end_and_others_go_on(served: Verifier, oak: Institution) -> None:
    state = told_all(oak, oak.badge())
    await served.feed(state)
    employer = await served.employer()
    made = await served.client.post("/v1/employers", json={"name": "For show", "sandbox": True}, headers=OPERATOR)
    show = {"Authorization": f"Bearer {made.json()['api_key']}"}
    kept, _ = await watch(served, employer, state), await watch(served, show, state)
    answers = [(await served.client.post("/v1/ops/remove-sandboxes", headers=OPERATOR)).json() for _ in range(2)]
    assert [answer["watches"] for answer in answers] == [1, 0]
    assert [str(watch_id) for (watch_id,) in await served.rows("select id from watches")] == [kept["id"]]
