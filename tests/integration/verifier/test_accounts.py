"""Employers, their keys and what they were answered: theirs alone, once, and without a trace of who was expected."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.ids import partition_of
from shared.messaging.events import ISSUER_STATE, EmployerState
from tests.integration.verifier.builders import (
    EMAIL,
    NAME,
    TRACEPARENT,
    Institution,
    a_stranger,
    now,
    strangers_badge,
)
from tests.integration.verifier.conftest import Verifier
from tests.support.records import an_api_key, beats
from tests.support.service import OPERATOR

TOLD = "select value from outbox where headers ->> 'ce_type' = $1 order by id"


async def with_idempotency_key(verifier: Verifier, path: str, body: Any, headers: dict[str, str], key: str) -> Any:
    return await verifier.client.post(path, json=body, headers={**headers, "Idempotency-Key": key})


async def test_only_the_operator_registers_employers(served: Verifier) -> None:
    body = {"name": "Plank Ltd"}
    assert (await served.client.post("/v1/employers", json=body)).status_code == 401
    employer = await served.employer()
    assert (await served.client.post("/v1/employers", json=body, headers=employer)).status_code == 403
    extra = {**body, "version": 7}
    assert (await served.client.post("/v1/employers", json=extra, headers=OPERATOR)).status_code == 422


async def test_a_secret_is_shown_once(served: Verifier) -> None:
    employer = await served.employer()
    for path, body, headers in (
        ("/v1/employers", {"name": "Elm"}, OPERATOR),
        ("/v1/api-keys", {"name": "second"}, employer),
    ):
        first = await with_idempotency_key(served, path, body, headers, "k1")
        again = await with_idempotency_key(served, path, body, headers, "k1")
        other = await with_idempotency_key(served, path, {"name": "other"}, headers, "k1")
        assert first.status_code == 201
        assert (again.status_code, again.json()["code"]) == (409, "secret_already_shown")
        assert again.json()["id"] == first.json()["id"]
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    listed = await served.client.get("/v1/api-keys", headers=employer)
    assert "api_key" not in listed.text
    assert [key["name"] for key in listed.json()["items"]].count("second") == 1


async def test_a_key_opens_what_its_scopes_say_until_it_is_revoked(served: Verifier) -> None:
    employer = await served.employer()
    made = await served.client.post("/v1/api-keys", json={"name": "r", "scopes": ["auditor"]}, headers=employer)
    reader = {"Authorization": f"Bearer {made.json()['api_key']}"}
    assert (await served.client.get("/v1/verifications", headers=reader)).status_code == 200
    refused = await served.client.post("/v1/verifications", json={"credential": {}}, headers=reader)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert (await served.client.post("/v1/api-keys", json={"name": "x"}, headers=reader)).status_code == 403
    key = f"/v1/api-keys/{made.json()['id']}"
    for _ in range(2):
        assert (await served.client.delete(key, headers=employer)).status_code == 204
    assert (await served.client.get("/v1/verifications", headers=reader)).status_code == 401
    versions = await served.rows("select version from api_keys where id = $1", UUID(made.json()["id"]))
    assert versions == [(2,)]


async def test_the_last_key_that_can_make_keys_stays(served: Verifier) -> None:
    employer = await served.employer()
    (first,) = (await served.client.get("/v1/api-keys", headers=employer)).json()["items"]
    answer = await served.client.delete(f"/v1/api-keys/{first['id']}", headers=employer)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_managing_key")


async def test_a_key_gives_no_scope_that_it_lacks(served: Verifier) -> None:
    employer = await served.employer()
    body = {"name": "keys alone", "scopes": ["manage"]}
    made = await served.client.post("/v1/api-keys", json=body, headers=employer)
    assert made.json()["scopes"] == ["manage"]
    keeper = {"Authorization": f"Bearer {made.json()['api_key']}"}
    for scopes, status in ((["verify"], 403), (["auditor"], 403), (["manage"], 201), (None, 201)):
        body = {"name": "x"} | ({"scopes": scopes} if scopes else {})
        answer = await served.client.post("/v1/api-keys", json=body, headers=keeper)
        assert answer.status_code == status
    assert answer.json()["scopes"] == ["manage"]


async def test_the_operator_makes_a_key_for_an_employer_that_has_lost_its_own(served: Verifier) -> None:
    made = (await served.client.post("/v1/employers", json={"name": "Plank"}, headers=OPERATOR)).json()
    body = {"name": "new", "employer_id": made["id"]}
    key = await served.client.post("/v1/api-keys", json=body, headers=OPERATOR)
    header = {"Authorization": f"Bearer {key.json()['api_key']}"}
    assert len((await served.client.get("/v1/api-keys", headers=header)).json()["items"]) == 2
    assert (await served.client.post("/v1/api-keys", json=body, headers=header)).status_code == 422
    nobody = {**body, "employer_id": str(uuid4())}
    assert (await served.client.post("/v1/api-keys", json=nobody, headers=OPERATOR)).status_code == 404
    assert (await served.client.post("/v1/api-keys", json={"name": "x"}, headers=OPERATOR)).status_code == 422


async def test_another_employers_things_are_not_there(served: Verifier) -> None:
    plank, elm = await served.employer("Plank"), await served.employer("Elm")
    report = await served.verify({}, plank)
    made = (await served.client.post("/v1/api-keys", json={"name": "k"}, headers=plank)).json()
    page = (await served.client.get("/v1/verifications?limit=1", headers=plank)).json()
    assert (await served.client.get(f"/v1/verifications/{report['id']}", headers=plank)).status_code == 200
    for answer in (
        await served.client.get(f"/v1/verifications/{report['id']}", headers=elm),
        await served.client.delete(f"/v1/api-keys/{made['id']}", headers=elm),
        await served.client.get(f"/v1/verifications?cursor={page['next']}", headers=elm),
    ):
        assert answer.status_code == 404
    assert (await served.client.get("/v1/verifications", headers=elm)).json() == {"items": [], "next": None}
    assert len((await served.client.get("/v1/api-keys", headers=elm)).json()["items"]) == 1


async def test_row_level_security_hides_other_tenants_from_the_apps_own_role(served: Verifier) -> None:
    plank = await served.employer()
    await served.verify({}, plank)
    connection = await asyncpg.connect(served.clean.app)
    try:
        for table in ("employers", "verifications", "api_keys"):
            assert await connection.fetchval(f"select count(*) from {table}") == 0
        for statement in (
            "update verifications set verdict = 'valid'",
            "delete from credentials",
            "delete from verifications",
        ):
            assert (await connection.execute(statement)).endswith(" 0")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "insert into institutions values ($1, 1, 's', 'n', null, 'd', 'registered')", uuid4()
            )
    finally:
        await connection.close()
    assert await served.rows("select count(*) from verifications") == [(1,)]


async def test_an_answer_is_recorded_and_told_without_the_credential(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    employer = await served.employer()
    report = await served.verify(badge, employer)
    recalled = (await served.client.get(f"/v1/verifications/{report['id']}", headers=employer)).json()
    same = ("id", "verdict", "reason", "status_as_of", "verified_at")
    assert [recalled[name] for name in same] == [report[name] for name in same]
    assert recalled["issuer"] == {**report["issuer"], "claimed_name": None}
    assert recalled["credential"]["digest"] == report["credential"]["digest"]
    assert recalled["credential"]["id"] is None
    assert [check["name"] for check in recalled["checks"]] == [check["name"] for check in report["checks"]]
    assert recalled["checks"][-1]["code"] == "not_kept"

    ((event_id, value),) = await served.rows(
        "select event_id, convert_from(value, 'utf8')::jsonb from outbox where topic = 'verifier.events.v1'"
    )
    assert str(event_id) == report["id"] == value["verification_id"]
    assert value["credential_id"] == badge["id"].rpartition("/")[2]
    assert set(value) == {
        "verification_id", "version", "verdict", "reason", "standing", "credential_id", "employer_id", "verified_at",
        "commitment", "as_of",
    }  # fmt: skip


async def test_an_expected_recipient_leaves_no_trace(served: Verifier, capfd: pytest.CaptureFixture[str]) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    employer = await served.employer()
    for expected in ({"email": EMAIL}, {"name": NAME}, {"email": "other-planted-7f3a@learner.example"}):
        await served.verify(badge, employer, expected_recipient=expected)
    wrong = {"credential": badge, "expected_recipient": {"email": EMAIL, "planted": "planted-7f3a"}}
    assert "planted-7f3a" not in (await served.client.post("/v1/verifications", json=wrong, headers=employer)).text

    rows = await served.rows("select row_to_json(v)::text from verifications v")
    records = await served.rows("select encode(value, 'escape'), headers::text from outbox")
    # Only ids and times tell the three apart: whether the person fitted is not to be seen.
    assert await served.rows("select distinct verdict, reason, checks from verifications") == [
        await recorded_outcome(served)
    ]
    metrics = (await served.client.get("/metrics")).text
    everything = f"{rows} {records} {capfd.readouterr()} {metrics}".lower()
    assert "planted" not in everything
    assert "recipient" not in f"{rows} {records}"


async def recorded_outcome(verifier: Verifier) -> tuple[Any, ...]:
    return (await verifier.rows("select verdict, reason, checks from verifications limit 1"))[0]


async def test_a_repeated_request_is_answered_as_before_and_recorded_once(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    employer = await served.employer()
    first = await with_idempotency_key(served, "/v1/verifications", {"credential": badge}, employer, "k")
    await served.feed(oak.credential(badge, "revoked"))
    again = await with_idempotency_key(served, "/v1/verifications", {"credential": badge}, employer, "k")
    assert [(each.json()["id"], each.json()["verdict"]) for each in (first, again)] == [
        (first.json()["id"], "valid")
    ] * 2
    other = await with_idempotency_key(served, "/v1/verifications", {"credential": {}}, employer, "k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    batch = {"credentials": [badge, {}]}
    many = [
        (await with_idempotency_key(served, "/v1/verifications/batch", batch, employer, "b")).json()["results"]
        for _ in range(2)
    ]
    before, after = [[(each["id"], each["verdict"]) for each in results] for results in many]
    assert before == after
    assert await served.rows("select count(*) from verifications") == [(3,)]


async def test_a_repeated_request_hears_every_warning_of_the_first_answer(served: Verifier) -> None:
    employer = await served.employer()
    body = {"credential": strangers_badge(a_stranger()), "expected_recipient": {"email": "else@learner.example"}}
    first, again = [
        (await with_idempotency_key(served, "/v1/verifications", body, employer, "k")).json() for _ in range(2)
    ]
    assert first == again
    assert "does not know, who calls itself" in again["summary"]
    assert "somebody else than the person asked about" in again["summary"]
    assert await served.rows("select count(*) from verifications") == [(1,)]


async def test_an_answer_that_no_longer_holds_is_recalled_with_its_warnings(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge(demo=True)
    await served.know(oak, badge)
    employer = await served.employer()
    body = {"credential": badge, "expected_recipient": {"email": "else@learner.example"}}
    first = (await with_idempotency_key(served, "/v1/verifications", body, employer, "k")).json()
    await served.feed(oak.credential(badge, "revoked"))
    again = (await with_idempotency_key(served, "/v1/verifications", body, employer, "k")).json()
    listed = (await served.client.get("/v1/verifications", headers=employer)).json()["items"]
    assert [again] == listed
    assert [again[name] for name in ("id", "verdict", "verified_at")] == [first["id"], "valid", first["verified_at"]]
    assert again["summary"].startswith("This was answered on ")
    for words in ("signed by “Oak College”", "a demonstration badge", "is not kept; ask again"):
        assert words in again["summary"]
    said = {check["name"]: (check["outcome"], check["code"]) for check in again["checks"]}
    assert said["recipient"] == ("skipped", "not_kept")
    assert said["demo"] == ("warn", "demo")


async def test_an_unknown_signer_is_recalled_as_unknown(served: Verifier) -> None:
    employer = await served.employer()
    report = await served.verify(strangers_badge(a_stranger()), employer)
    recalled = (await served.client.get(f"/v1/verifications/{report['id']}", headers=employer)).json()
    assert "signed by someone whom this registry does not know" in recalled["summary"]
    assert ("standing", "warn") in {(check["name"], check["outcome"]) for check in recalled["checks"]}


async def test_without_a_key_only_badges_of_this_registry_are_recorded(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    for junk in ({}, strangers_badge(a_stranger()), badge | {"name": "altered"}):
        await served.verify(junk)
    assert await served.rows("select count(*) from verifications") == [(0,)]
    await served.verify(badge)
    assert await served.rows("select employer_id, credential_id from verifications") == [
        (None, UUID(badge["id"].rpartition("/")[2]))
    ]
    assert await served.rows("select count(*) from outbox where topic = 'verifier.events.v1'") == [(1,)]


async def test_an_institutions_key_is_heard_and_the_answer_recorded_under_no_employer(served: Verifier) -> None:
    oak = Institution()
    header, key = an_api_key(oak.id, "institution", "issue", "read")
    await served.know(oak)
    await served.feed(key)
    await served.verify({}, header)
    assert await served.rows("select employer_id from verifications") == [(None,)]
    batch = await served.client.post("/v1/verifications/batch", json={"credentials": [{}]}, headers=header)
    assert batch.status_code == 403
    silent = now().replace(year=2020)
    await served.execute("update heartbeats set time = $1 where shard = $2", silent, partition_of(key.key))
    answer = await served.client.post("/v1/verifications", json={"credential": {}}, headers=header)
    assert (answer.status_code, answer.json()["code"]) == (503, "keys_out_of_date")
    await served.hear(beats(topic=ISSUER_STATE))


async def test_batches_need_a_key_and_end_at_a_thousand(served: Verifier) -> None:
    employer = await served.employer()
    assert (await served.client.post("/v1/verifications/batch", json={"credentials": [{}]})).status_code == 401
    for count, status in ((0, 422), (1, 200), (1_000, 200), (1_001, 422)):
        body = {"credentials": [{}] * count}
        answer = await served.client.post("/v1/verifications/batch", json=body, headers=employer)
        assert answer.status_code == status
    assert await served.rows("select count(*) from verifications") == [(1_001,)]


async def test_a_thousand_ordinary_badges_fit_one_request_and_keep_their_order(served: Verifier) -> None:
    oak, employer = Institution(), await served.employer()
    badges: list[Any] = [oak.badge() for _ in range(500)]
    await served.know(oak, *badges)
    badges += [strangers_badge(a_stranger()) for _ in range(498)]
    badges[7] = badges[7] | {"name": "altered"}
    badges += ["no.badge.atall", {"planted": "x" * 1_000_000}]
    answer = await served.client.post("/v1/verifications/batch", json={"credentials": badges}, headers=employer)
    assert answer.status_code == 200, answer.text
    said = [(each["verdict"], each["reason"]) for each in answer.json()["results"]]
    assert said.pop(7) == ("invalid", "tampered")
    assert said[-2:] == [("invalid", "malformed")] * 2
    assert set(said[:-2]) == {("valid", None)}


async def test_a_batch_without_a_key_is_refused_before_anything_of_it_is_read(served: Verifier) -> None:
    answer = await served.client.post("/v1/verifications/batch", content=b"[" * 1_000_000)
    assert answer.status_code == 401


async def test_pages_give_each_answer_once(served: Verifier) -> None:
    employer = await served.employer()
    body = {"credentials": [{}] * 7}
    await served.client.post("/v1/verifications/batch", json=body, headers=employer)
    seen, cursor = [], ""
    while cursor is not None:
        query = f"?limit=3&cursor={cursor}" if cursor else "?limit=3"
        page = (await served.client.get(f"/v1/verifications{query}", headers=employer)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 7
    assert (await served.client.get("/v1/verifications?cursor=bm9uc2Vuc2U", headers=employer)).status_code == 400


async def test_an_address_without_a_key_is_slowed_down_and_a_key_is_not(verifier: Verifier) -> None:
    async with verifier.serving(anonymous_rate="3/minute"):
        employer = await verifier.employer()
        answers = [await verifier.client.post("/v1/verifications", json={"credential": {}}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        await asyncio.gather(*[verifier.verify({}, employer) for _ in range(5)])


async def test_the_verification_of_a_badge_is_linked_to_the_trace_of_its_issuance(
    served: Verifier, exported_spans: Any
) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    await served.verify(badge)
    (span,) = [each for each in exported_spans() if each.name == "verify"]
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACEPARENT.split("-")[1]]
    assert f"{span.context.trace_id:032x}" != TRACEPARENT.split("-")[1]
    ((headers,),) = await served.rows("select headers from outbox where topic = 'verifier.events.v1'")
    assert headers["traceparent"].split("-")[1] == f"{span.context.trace_id:032x}"


async def test_a_removed_sandbox_employer_has_no_key_left_and_others_keep_theirs(served: Verifier) -> None:
    plank = await served.employer()
    body = {"name": "For show", "sandbox": True}
    made = (await served.client.post("/v1/employers", json=body, headers=OPERATOR)).json()
    show = {"Authorization": f"Bearer {made['api_key']}"}
    await served.client.post("/v1/api-keys", json={"name": "second"}, headers=show)
    report = await served.verify({}, show)
    answers = [(await served.client.post("/v1/ops/remove-sandboxes", headers=OPERATOR)).json() for _ in range(2)]
    assert [answer["api_keys"] for answer in answers] == [2, 0]
    assert (await served.client.get("/v1/verifications", headers=show)).status_code == 401
    assert (await served.client.get("/v1/verifications", headers=plank)).status_code == 200
    assert await served.rows("select id from verifications") == [(UUID(report["id"]),)], "what was answered stays"
    assert (await served.client.post("/v1/ops/remove-sandboxes", headers=plank)).status_code == 403


async def test_an_employer_says_whether_it_is_a_sandbox_and_stays_so_after_its_database_was_lost(
    served: Verifier,
) -> None:
    said = {}
    for sandbox in (False, True):
        body = {"name": "Plank", "sandbox": sandbox}
        made = (await served.client.post("/v1/employers", json=body, headers=OPERATOR)).json()
        assert made["sandbox"] is sandbox
        said[UUID(made["id"])] = sandbox
    told = [EmployerState.model_validate_json(row[0]) for row in await served.rows(TOLD, "laurel.employer.state.v1")]
    assert {each.employer_id: each.sandbox for each in told} == said
    await served.execute("delete from employers")
    await served.feed(*told)
    assert dict(await served.rows("select id, sandbox from employers")) == said
