"""Files come in as they are sent, once, and what failed goes out again to be mended."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.integration.issuer.jobs import CSV, JOBS, LINES, csv_of, job, order, send, sent, work
from tests.support.poll import eventually


async def errors_of(who: Institution, job_id: str) -> str:
    answer = await who.client.get(f"{JOBS}/{job_id}/errors.csv")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return answer.content.decode()


async def test_what_failed_is_mended_and_sent_again_as_it_is(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    file = (
        "Nachname;Vorname;E-Mail;Klasse;gültig bis\n"
        "Eins;Ada;a@example.org;4a;\n"
        '"Zw;ei";"=1+1";no address;"4""b";\n'
        "Drei;Eva;c@example.org;4c;2001-01-01\n"
        "Vier;Jan;d@example.org;4d;;zu viel\n"
    )
    job_id = await sent(north, achievement, file)
    await work(site)
    seen = await job(north, job_id)
    assert seen["mapping"] == {
        "Nachname": "family_name", "Vorname": "given_name", "E-Mail": "email", "gültig bis": "valid_until",
    }  # fmt: skip
    assert seen["ignored_columns"] == ["Klasse"]
    await order(north, job_id, "confirm")
    await work(site)
    failed = await errors_of(north, job_id)
    rows = list(csv.reader(io.StringIO(failed.removeprefix("\ufeff")), delimiter=";"))
    assert rows[0] == ["Nachname", "Vorname", "E-Mail", "Klasse", "gültig bis", "row", "column", "code", "error"]
    assert [row[5:8] for row in rows[1:]] == [
        ["3", "E-Mail", "email_malformed"],
        ["4", "gültig bis", "validity_is_empty"],
        ["5", "", "too_many_cells"],
    ]
    assert rows[1][:5] == ["Zw;ei", "'=1+1", "no address", '4"b', ""]
    assert (rows[1][8], rows[3][9:]) == ("is not an email address", ["zu viel"])

    mended = failed.replace("no address", "b@example.org").replace("2001-", "2101-").replace(";zu viel", "")
    again = await sent(north, achievement, mended)
    await work(site)
    await order(north, again, "confirm")
    await work(site)
    done = await job(north, again)
    assert (done["state"], done["issued"], done["errors"], done["already_issued"]) == ("done", 3, 0, 0)
    assert done["ignored_columns"] == ["Klasse", "row", "column", "code", "error"]
    names = [each["email"] for each in await site.told("laurel.credential.issued.v1")]
    assert sorted(names) == [f"{letter}@example.org" for letter in "abcd"]


async def test_lines_of_json_that_failed_are_cells_that_can_be_sent_again(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    lines = '{"email": "a@example.org"}\n{"email": "b", "evidence": [{"name": "Film, \\"cut\\""}]}\n'
    job_id = await sent(north, achievement, lines, headers=LINES, auto_confirm=True)
    await work(site)
    mended = (await errors_of(north, job_id)).replace('""b""', '""b@example.org""')
    again = await sent(north, achievement, mended, auto_confirm=True)
    await work(site)
    assert (await job(north, again))["issued"] == 1
    [content] = await site.rows("select document from credential_contents where email = 'b@example.org'")
    assert orjson.loads(content["document"])["evidence"][0]["name"] == 'Film, "cut"'


async def test_rows_that_have_a_badge_are_told_with_it_and_whether_it_is_new(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    await sent(north, achievement, csv_of(range(2)), auto_confirm=True)
    await work(site)
    job_id = await sent(north, achievement, csv_of(range(1, 4)) + "bad,bad\n=1,x@example.org\n", auto_confirm=True)
    await work(site)
    answer = await north.client.get(f"{JOBS}/{job_id}/results.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["row"], row["email"], row["status"]) for row in rows] == [
        ("2", "learner1@example.org", "already_issued"),
        ("3", "learner2@example.org", "issued"),
        ("4", "learner3@example.org", "issued"),
        ("6", "x@example.org", "issued"),
    ]
    assert rows[-1]["name"] == "'=1"
    emails = await site.rows("select credential_id, email from credential_contents")
    assert {row["email"]: row["id"] for row in rows}.items() <= {
        row["email"]: str(row["credential_id"]) for row in emails
    }.items()


async def test_a_file_of_many_pieces_is_staged_as_it_comes(site: Site, north: Institution) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"name,email\n"
        for start in range(0, 20_000, 1_000):
            yield csv_of(range(start, start + 1_000), "").encode()[1:]

    job_id = await sent(north, await north.achievement(), pieces())
    assert (await job(north, job_id))["rows"] == 20_000
    assert len(await site.rows("select from issuance_job_uploads")) == 20_000


async def test_routes_may_add_to_what_is_staged_and_not_look_at_it(site: Site) -> None:
    for statement in ("select * from", "delete from", "update"):
        rest = " set sent = ''" if statement == "update" else ""
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with site.app.transaction() as tx:
                await tx.execute(f"{statement} issuance_job_uploads{rest}")


async def test_an_upload_that_breaks_off_is_a_failed_job(site: Site, north: Institution) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield csv_of(range(50)).encode()
        raise ConnectionError

    achievement = await north.achievement()
    with pytest.raises(ConnectionError):
        await send(north, achievement, broken())

    async def failed() -> bool:
        items = (await north.client.get(JOBS)).json()["items"]
        return bool(items) and items[0]["state"] == "failed" and items[0]["reason_code"] == "upload_interrupted"

    await eventually(failed)
    await work(site)
    assert await site.rows("select from credentials") == []


async def test_an_upload_whose_process_was_killed_is_found_by_its_silence(make_site: MakeSite) -> None:
    site: Site = await make_site(job_upload_silence=timedelta(hours=1))
    north = await site.institution()
    job_id = await sent(north, await north.achievement(), csv_of(range(5)))
    async with site.worker.transaction() as tx:  # as if it had not come to its end
        await tx.execute("delete from issuance_job_chunks")
        await tx.execute("update issuance_jobs set phase = 'reading', touched_at = now() - interval '59 minutes'")
    await work(site)
    assert (await job(north, job_id))["state"] == "reading"
    async with site.worker.transaction() as tx:
        await tx.execute("update issuance_jobs set touched_at = now() - interval '61 minutes'")
    await work(site)
    found = await job(north, job_id)
    assert (found["state"], found["reason_code"]) == ("failed", "upload_interrupted")
    await work(site)
    assert await site.rows("select from issuance_job_uploads") == []


async def test_a_repeated_request_is_answered_with_its_first_job(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    first = await sent(north, achievement, csv_of(range(5)), key="k")
    assert await sent(north, achievement, csv_of(range(5)), key="k") == first
    changed = await send(north, achievement, csv_of(range(6)), key="k")
    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency_key_reused")
    asked_otherwise = await send(north, achievement, csv_of(range(5)), key="k", auto_confirm=True)
    assert asked_otherwise.status_code == 422
    assert (await send(north, achievement, csv_of(range(5)), key="k" * 256)).status_code == 400
    answers = await asyncio.gather(*[send(north, achievement, csv_of(range(5)), key="race") for _ in range(8)])
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    south = await site.institution()
    assert await sent(south, await south.achievement(), csv_of(range(5)), key="k") != first
    await work(site)
    assert len(await site.rows("select from issuance_jobs where phase = 'preview'")) == 3


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ({"mapping": "Mail"}, CSV, 400, "mapping_malformed"),
        ({"mapping": "{"}, CSV, 400, "mapping_malformed"),
        ({"mapping": "Mail:email"}, CSV, 422, "mapping_column_missing"),
        ({"mapping": "email:email"}, LINES, 422, "mapping_not_taken"),
        ({"format": ["ob3-jwt", "vc+jwt"]}, CSV, 422, "one_token_per_badge"),
        ({"format": ["ob3-jwt"]}, CSV, 422, "format_needs_did_web"),
        ({"achievement_id": "0d6c2b8e-1111-4222-8333-44445555666a"}, CSV, 404, "achievement_not_found"),
        ({}, {"Content-Type": "application/json"}, 415, "media_type_not_taken"),
        ({}, {"Content-Type": "text/csv; charset=latin-1"}, 415, "charset_not_taken"),
    ],
)
async def test_a_request_that_cannot_be_meant_is_refused(
    site: Site, north: Institution, query: dict[str, Any], headers: dict[str, str], status: int, code: str
) -> None:
    params = {"achievement_id": await north.achievement(), **query}
    answer = await north.client.post(JOBS, params=params, content=csv_of(range(2)), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_column_nobody_knows_is_not_ignored_unseen(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    file = "email,valid_untill\na@example.org,2099-01-01\n"
    refused = await send(north, achievement, file, auto_confirm=True)
    assert (refused.status_code, refused.json()["code"]) == (422, "columns_unknown")
    assert refused.json()["columns"] == ["valid_untill"]
    said = await sent(north, achievement, file, auto_confirm=True, mapping="valid_untill:valid_until")
    await work(site)
    assert (await job(north, said))["mapping"] == {"email": "email", "valid_untill": "valid_until"}
    [badge] = await site.rows("select valid_until from credentials")
    assert badge["valid_until"].year == 2099
    await sent(north, achievement, file, auto_confirm=True, mapping='{"valid_untill": ""}')


async def test_a_file_that_is_too_long_is_refused_on_its_way(make_site: MakeSite) -> None:
    site: Site = await make_site(job_max_bytes=100_000)
    north = await site.institution()
    achievement = await north.achievement()
    whole = await send(north, achievement, csv_of(range(10_000)))
    assert (whole.status_code, whole.json()["code"]) == (413, "body_too_large")

    async def pieces() -> AsyncIterator[bytes]:
        yield b"name,email\n"
        for start in range(0, 10_000, 1_000):
            yield csv_of(range(start, start + 1_000), "").encode()[1:]

    try:
        piecewise = await send(north, achievement, pieces())
    except httpx.TransportError:  # it was told so while it was still sending
        pass
    else:
        assert (piecewise.status_code, piecewise.json()["code"]) == (413, "body_too_large")

    async def failed() -> bool:
        items = (await north.client.get(JOBS)).json()["items"]
        return [each["reason_code"] for each in items] == ["body_too_large"]

    await eventually(failed)


async def test_rows_go_when_the_job_has_ended_long_ago_and_still_none_issues_twice(make_site: MakeSite) -> None:
    site: Site = await make_site(job_rows_kept=timedelta(0))
    north = await site.institution()
    achievement = await north.achievement()
    job_id = await sent(north, achievement, csv_of(range(5)) + "bad,bad\n", auto_confirm=True)
    await work(site)
    await work(site)
    assert await site.rows("select from issuance_job_rows") == []
    for path in ("errors.csv", "preview"):
        gone = await north.client.get(f"{JOBS}/{job_id}/{path}")
        assert (gone.status_code, gone.json()["code"]) == (410, "job_rows_removed")
    assert (await job(north, job_id))["issued"] == 5
    again = await sent(north, achievement, csv_of(range(5)), auto_confirm=True)
    await work(site)
    assert (await job(north, again))["already_issued"] == 5


async def test_a_watched_job_is_told_of_until_it_ends(site: Site, north: Institution) -> None:
    job_id = await sent(north, await north.achievement(), csv_of(range(5)), auto_confirm=True)
    states = []
    async with north.client.stream("GET", f"{JOBS}/{job_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                told = orjson.loads(line.removeprefix("data: "))
                states.append(told["state"])
                if len(states) == 1:
                    await work(site)
    assert (states[0], states[-1]) == ("linting", "done")
    assert told["issued"] == 5
    south = await site.institution()
    assert (await south.client.get(f"{JOBS}/{job_id}/events")).status_code == 404
