"""Many badges at once: each row for itself, and each row once, whatever happens on the way."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.integration.issuer.conftest import TOO_MUCH_EVIDENCE, Institution, Site, environment
from tests.support.people import bearer
from tests.support.poll import eventually
from tests.support.stack import Process

ASLEEP = "wait_event = 'PgSleep' and datname = current_database()"


def learners(count: int) -> list[dict[str, Any]]:
    return [{"email": f"learner{number}@example.org", "name": f"Learner {number}"} for number in range(count)]


async def test_each_row_has_its_own_result_and_a_bad_one_stops_no_other(site: Site, north: Institution) -> None:
    rows: list[dict[str, Any]] = learners(120)
    rows[3] = {"name": "nobody"}
    rows[70] = {"email": "bad"}
    rows[71] = {"email": "a@example.org", "status": "revoked"}
    rows[90] = {"email": "a@example.org", "valid_until": "2001-01-01T00:00:00Z"}
    rows[91] = {"email": "a@example.org", "evidence": [{"id": "https://e.example"}] * 2}
    answer = await north.batch(await north.achievement(), rows)
    results = answer.json()["results"]
    assert answer.status_code == 200
    assert [result["index"] for result in results] == list(range(120))
    errors = {result["index"]: result["error"]["code"] for result in results if result["status"] == "error"}
    assert errors == {3: "invalid_row", 70: "invalid_row", 71: "invalid_row", 90: "validity_is_empty", 91: "data_loss"}
    stored = {str(row["id"]) for row in await site.rows("select id from credentials")}
    assert stored == {result["id"] for result in results if result["status"] == "issued"}
    assert len(await site.told("laurel.credential.issued.v1")) == 115


async def test_a_row_whose_badge_would_be_too_large_for_the_log_is_that_rows_error_alone(
    site: Site, north: Institution
) -> None:
    rows: list[dict[str, Any]] = learners(3)
    rows[1]["evidence"] = TOO_MUCH_EVIDENCE
    results = (await north.batch(await north.achievement(), rows)).json()["results"]
    assert [result["status"] for result in results] == ["issued", "error", "issued"]
    assert results[1]["error"]["code"] == "credential_too_large"
    assert len(await site.rows("select from credentials")) == 2
    assert len(await site.told("laurel.credential.issued.v1")) == 2


async def test_a_row_has_its_own_terms_or_those_of_the_batch(north: Institution) -> None:
    body = {
        "achievement_id": await north.achievement(),
        "valid_until": "2031-01-01T00:00:00Z",
        "recipients": [{"email": "a@example.org"}, {"email": "b@example.org", "valid_until": "2040-01-01T00:00:00Z"}],
    }
    results = (await north.client.post("/v1/credentials/batch", json=body)).json()["results"]
    ends = [(await north.client.get(f"/v1/credentials/{each['id']}")).json()["valid_until"] for each in results]
    assert ends == ["2031-01-01T00:00:00Z", "2040-01-01T00:00:00Z"]


async def test_a_repeated_batch_answers_the_same_and_makes_nothing(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    first = await north.batch(achievement, learners(60), "k")
    again = await north.batch(achievement, learners(60), "k")
    assert first.json() == again.json()
    assert len(await site.rows("select from credentials")) == 60


async def test_racing_batches_with_one_key_make_each_row_once(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    answers = await asyncio.gather(*[north.batch(achievement, learners(60), "k") for _ in range(5)])
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.text for answer in answers if answer.status_code == 200}) == 1
    assert len(await site.rows("select from credentials")) == 60


async def test_another_batch_or_another_request_under_the_same_key_is_422(north: Institution) -> None:
    achievement = await north.achievement()
    await north.batch(achievement, learners(2), "k")
    assert (await north.batch(achievement, learners(3), "k")).status_code == 422
    assert (await north.issue(achievement, "k")).status_code == 422


async def test_a_batch_has_one_to_a_thousand_rows(north: Institution) -> None:
    achievement = await north.achievement()
    assert (await north.batch(achievement, [])).status_code == 422
    assert (await north.batch(achievement, learners(1001))).status_code == 422


async def test_a_batch_whose_process_was_killed_half_way_goes_on_under_the_same_key(
    site: Site, north: Institution, tmp_path: Path
) -> None:
    achievement = await north.achievement()
    superuser = await asyncpg.connect(site.database.superuser)
    # The third chunk hangs in the database, so that the kill meets a batch of which two chunks are stored.
    await superuser.execute(
        """
        create function hang() returns trigger language plpgsql as 'begin perform pg_sleep(3600); return new; end';
        create trigger hang before insert on idempotency for each row when (new.row = 120) execute function hang();
        """
    )
    process = Process("issuer", "api", environment(site), tmp_path)
    process.start()
    body = {"achievement_id": achievement, "recipients": learners(160)}
    headers = bearer(north.api_key) | {"Idempotency-Key": "k"}
    async with httpx.AsyncClient(headers=headers, timeout=120) as client:
        try:
            await process.ready()
            doomed = asyncio.create_task(client.post(f"{process.url}/v1/credentials/batch", json=body))
            await eventually(lambda: hanging(superuser))
        finally:
            process.sigkill()
        assert isinstance((await asyncio.gather(doomed, return_exceptions=True))[0], httpx.HTTPError)
    before = {row["id"] for row in await site.rows("select id from credentials")}
    assert len(before) == 100
    await superuser.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {ASLEEP}")
    await superuser.execute("drop trigger hang on idempotency")
    await superuser.close()

    results = (await north.client.post("/v1/credentials/batch", json=body, headers=headers)).json()["results"]
    after = {row["id"] for row in await site.rows("select id from credentials")}
    assert {result["status"] for result in results} == {"issued"}
    assert {result["id"] for result in results} == {str(each) for each in after}
    assert len(after) == 160
    assert before < after
    assert len(await site.told("laurel.credential.issued.v1")) == 160


def with_keys(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "idempotency_key": f"key of {row['email']}"} for row in rows]


async def test_a_row_with_a_key_of_its_own_is_issued_once_in_whatever_batch(site: Site, north: Institution) -> None:
    achievement, rows = await north.achievement(), with_keys(learners(60))
    first = (await north.batch(achievement, rows)).json()["results"]
    assert {result.get("already_issued") for result in first} == {None}
    again = (await north.batch(achievement, [*with_keys(learners(70))[60:], *reversed(rows)])).json()["results"]
    assert [result.get("already_issued") for result in again] == [None] * 10 + [True] * 60
    assert [result["id"] for result in again[10:]] == [result["id"] for result in first][::-1]
    assert len(await site.rows("select from credentials")) == 70


async def test_a_changed_row_under_its_key_is_that_rows_error_and_its_neighbours_are_not_issued_again(
    site: Site, north: Institution
) -> None:
    achievement, rows = await north.achievement(), with_keys(learners(3))
    await north.batch(achievement, rows)
    rows[1]["name"] = "Somebody Else"
    results = (await north.batch(achievement, rows)).json()["results"]
    assert [result.get("already_issued") for result in results] == [True, None, True]
    assert results[1]["error"]["code"] == "idempotency_key_reused"
    assert len(await site.rows("select from credentials")) == 3
    other = (await north.batch(await north.achievement(), rows[:1])).json()["results"]
    assert other[0]["error"]["code"] == "idempotency_key_reused", "another achievement is another badge"


async def test_a_row_that_failed_may_be_sent_again_under_its_key(site: Site, north: Institution) -> None:
    achievement, [row] = await north.achievement(), with_keys(learners(1))
    wrong = (await north.batch(achievement, [{**row, "valid_until": "2001-01-01T00:00:00Z"}])).json()["results"]
    assert wrong[0]["error"]["code"] == "validity_is_empty"
    assert (await north.batch(achievement, [row])).json()["results"][0]["status"] == "issued"


async def test_racing_batches_with_the_same_rows_make_each_once(site: Site, north: Institution) -> None:
    achievement, rows = await north.achievement(), with_keys(learners(60))
    answers = await asyncio.gather(*[north.batch(achievement, rows[n:] + rows[:n]) for n in range(5)])
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(await site.rows("select from credentials")) == 60


async def test_two_rows_of_a_batch_cannot_have_one_key_and_a_key_is_printable(north: Institution) -> None:
    rows = [*with_keys(learners(1)) * 2, {**learners(1)[0], "idempotency_key": "a\nb"}]
    rows += [{**learners(1)[0], "idempotency_key": key} for key in ("", "x" * 256)]
    results = (await north.batch(await north.achievement(), rows)).json()["results"]
    codes = [result.get("error", {}).get("code") for result in results]
    assert codes == [None, "idempotency_key_repeated", "invalid_row", "invalid_row", "invalid_row"]


async def test_another_institutions_same_row_key_is_another_row(site: Site, north: Institution) -> None:
    south = await site.institution()
    for each in (north, south):
        [result] = (await each.batch(await each.achievement(), with_keys(learners(1)))).json()["results"]
        assert result["status"] == "issued"
        assert "already_issued" not in result


async def test_a_dry_run_says_what_would_become_of_each_row_and_issues_none(site: Site, north: Institution) -> None:
    achievement, rows = await north.achievement(), with_keys(learners(4))
    issued = (await north.batch(achievement, rows[:1])).json()["results"][0]
    rows[1]["valid_until"] = "2001-01-01T00:00:00Z"
    rows[2]["email"] = "bad"
    body = {"achievement_id": achievement, "recipients": rows, "dry_run": True}
    before = await site.rows("select from idempotency")
    numbers = await site.rows("select next from status_lists")
    results = (await north.client.post("/v1/credentials/batch", json=body)).json()["results"]
    assert results[0] == {**issued, "already_issued": True}
    assert [result["status"] for result in results] == ["issued", "error", "error", "valid"]
    assert [result["error"]["code"] for result in results[1:3]] == ["validity_is_empty", "invalid_row"]
    assert len(await site.rows("select from credentials")) == 1
    assert len(await site.rows("select from idempotency")) == len(before)
    assert await site.rows("select next from status_lists") == numbers
    nothing = {**body, "achievement_id": str(north.id)}
    assert (await north.client.post("/v1/credentials/batch", json=nothing)).status_code == 404


async def hanging(connection: asyncpg.Connection) -> bool:
    rows = await connection.fetch("select from credentials")
    asleep = await connection.fetch(f"select from pg_stat_activity where {ASLEEP}")
    return len(rows) == 100 and len(asleep) == 1
