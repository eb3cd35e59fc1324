"""A file of learners becomes badges: read, looked at, confirmed and issued, each row once."""

import pytest

from tests.integration.issuer.conftest import Institution, Site
from tests.integration.issuer.jobs import JOBS, LINES, csv_of, job, order, send, sent, work


async def test_a_file_is_looked_at_then_confirmed_then_issued(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    file = csv_of(range(30)) + "Bad,no address\nNobody,\n" + "Twice,learner3@example.org\n"
    answer = await send(north, achievement, file, name="Class of 2027")
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] in ("reading", "linting")
    job_id = answer.json()["id"]
    await work(site)
    seen = await job(north, job_id)
    assert (seen["state"], seen["rows"], seen["linted"], seen["valid"], seen["errors"]) == ("preview", 33, 33, 31, 2)
    assert (seen["mapping"], seen["ignored_columns"]) == ({"name": "name", "email": "email"}, [])
    preview = (await north.client.get(f"{JOBS}/{job_id}/preview")).json()
    assert preview["errors_by_code"] == {"email_malformed": 1, "recipient_missing": 1}
    assert (preview["repeated"], len(preview["samples"])) == (1, 10)
    assert preview["samples"][0]["email"] == "learner0@example.org"
    assert await site.rows("select from credentials") == []
    assert await site.rows("select from status_lists where next > 0") == []

    assert (await order(north, job_id, "confirm")).json()["state"] == "running"
    await work(site)
    done = await job(north, job_id)
    assert (done["state"], done["issued"], done["errors"], done["progress"]) == ("done", 30, 3, 1.0)
    assert len(await site.rows("select from credentials")) == 30
    told = await site.told("laurel.credential.issued.v1")
    assert {each["email"] for each in told} == {f"learner{n}@example.org" for n in range(30)}


async def test_a_file_that_is_sent_twice_issues_each_row_once(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    await sent(north, achievement, csv_of(range(20)), auto_confirm=True)
    await work(site)
    again = await sent(north, achievement, csv_of(range(25)))
    await work(site)
    preview = (await north.client.get(f"{JOBS}/{again}/preview")).json()
    assert (preview["rows"], preview["already_issued"], preview["valid"]) == (25, 20, 5)
    await order(north, again, "confirm")
    await work(site)
    done = await job(north, again)
    assert (done["state"], done["issued"], done["already_issued"], done["errors"]) == ("done", 5, 20, 0)
    assert len(await site.rows("select from credentials")) == 25


async def test_json_lines_have_the_members_of_a_batchs_row(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    lines = (
        '{"email": "a@example.org", "evidence": [{"name": "Film"}], "row_id": "1"}\n\n{"email": 7}\n[]\nno\n'
        '{"id": "did:example:b", "nth": 2}'
    )
    job_id = await sent(north, achievement, lines, headers=LINES, auto_confirm=True)
    await work(site)
    done = await job(north, job_id)
    assert (done["state"], done["rows"], done["issued"], done["errors"]) == ("done", 5, 2, 3)


@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        ("", 422, "file_has_no_rows"),
        ("name,email\n", 422, "file_has_no_rows"),
        ("name,class\nAda,1\n", 422, "recipient_column_missing"),
        ("email,e-mail\na@example.org,b@example.org\n", 422, "column_twice"),
        ("name,email\nAda,a@example.org\n".encode("utf-16"), 400, "file_is_utf_16"),
        (b"name,email\nAda,a@example.org\n\xff,b@example.org\n", 400, "file_not_utf_8"),
        ('name,email\n"Ada,a@example.org\n', 400, "csv_malformed"),
    ],
)
async def test_what_is_no_file_of_learners_is_refused_with_a_sentence(
    site: Site, north: Institution, file: str | bytes, status: int, code: str
) -> None:
    answer = await send(north, await north.achievement(), file)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    failed = await job(north, answer.json()["job_id"])
    assert (failed["state"], failed["reason_code"]) == ("failed", code)
    assert await site.rows("select from issuance_job_rows") == []


async def test_an_institution_may_want_another_key_to_confirm(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    settings = f"/v1/institutions/{north.id}/settings"
    assert (await north.client.put(settings, json={"second_key_confirms": True})).status_code == 200
    refused = await send(north, achievement, csv_of(range(3)), auto_confirm=True)
    assert (refused.status_code, refused.json()["code"]) == (403, "second_key_needed")
    job_id = await sent(north, achievement, csv_of(range(3)))
    await work(site)
    refused = await order(north, job_id, "confirm")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_key_needed")
    async with await north.key() as second:
        assert (await order(second, job_id, "confirm")).status_code == 200
    await work(site)
    done = await job(north, job_id)
    assert (done["state"], done["issued"]) == ("done", 3)
    [by_whom] = {each["actor"]["key_id"] for each in await site.told("laurel.credential.issued.v1")}
    assert by_whom == done["history"][-1]["key_id"] != done["history"][0]["key_id"]


async def test_a_setting_that_comes_while_a_file_is_looked_at_holds_for_it(site: Site, north: Institution) -> None:
    job_id = await sent(north, await north.achievement(), csv_of(range(3)), auto_confirm=True)
    await north.client.put(f"/v1/institutions/{north.id}/settings", json={"second_key_confirms": True})
    await work(site)
    assert (await job(north, job_id))["state"] == "preview"
