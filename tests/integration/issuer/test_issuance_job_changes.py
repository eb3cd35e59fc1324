"""Issuance jobs are held, paused, resumed, cancelled; keys end, shares are used up, others see nothing of them."""

from datetime import UTC, datetime, timedelta

from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.integration.issuer.jobs import JOBS, csv_of, job, order, send, sent, work, worker
from tests.support.people import bearer

FUTURE = (datetime.now(UTC) + timedelta(days=1)).isoformat()
# Whatever a badge leaves behind.
TRACES = ("credentials", "credential_contents", "credential_history", "status_positions", "status_lists", "issued_rows")


async def counted(site: Site) -> list[int]:
    told = await site.told("laurel.credential.issued.v1")
    return [len(told), *[len(await site.rows(f"select from {table}")) for table in TRACES]]


async def test_a_held_job_that_is_cancelled_leaves_nothing(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    before, outbox = await counted(site), await site.rows("select from outbox")
    job_id = await sent(north, achievement, csv_of(range(5)), auto_confirm=True, release_at=FUTURE)
    await work(site)
    assert (await job(north, job_id))["state"] == "held"
    assert await counted(site) == before
    assert (await order(north, job_id, "cancel")).json()["state"] == "cancelled"
    await work(site)
    assert await counted(site) == before
    assert len(await site.rows("select from outbox")) == len(outbox)
    assert (await order(north, job_id, "cancel")).status_code == 200
    for change in ("confirm", "pause", "resume"):
        refused = await order(north, job_id, change)
        assert (refused.status_code, refused.json()["code"]) == (409, "job_has_ended")


async def test_a_held_job_is_issued_when_its_time_has_come(site: Site, north: Institution) -> None:
    job_id = await sent(north, await north.achievement(), csv_of(range(5)), auto_confirm=True, release_at=FUTURE)
    await work(site)
    async with site.worker.transaction() as tx:
        await tx.execute("update issuance_jobs set release_at = now() - interval '1 s'")
    await work(site)
    done = await job(north, job_id)
    assert (done["state"], done["issued"]) == ("done", 5)


async def test_a_window_for_second_thoughts_begins_when_a_job_is_confirmed(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    job_id = await sent(north, achievement, csv_of(range(2)), undo_seconds=3600)
    await work(site)
    waiting = await job(north, job_id)
    assert (waiting["state"], waiting["undo_seconds"], waiting["release_at"]) == ("preview", 3600, None)
    await order(north, job_id, "confirm")
    by_itself = await sent(north, achievement, csv_of(range(2)), undo_seconds=3600, auto_confirm=True)
    await work(site)
    for each in (job_id, by_itself):
        held = await job(north, each)
        assert held["state"] == "held"
        window = datetime.fromisoformat(held["release_at"]) - datetime.fromisoformat(held["phase_started_at"])
        assert window == timedelta(hours=1)
    refused = await send(north, achievement, csv_of(range(2)), undo_seconds=60, release_at=FUTURE)
    assert (refused.status_code, refused.json()["code"]) == (422, "held_twice")


async def test_a_paused_job_waits_and_a_resumed_one_goes_on_where_it_was(make_site: MakeSite) -> None:
    site: Site = await make_site(job_chunk_rows=5)
    north = await site.institution()
    job_id = await sent(north, await north.achievement(), csv_of(range(20)), auto_confirm=True)
    async with worker(site) as one:
        while (await job(north, job_id))["issued"] == 0:
            assert await one.step() or await one.move_on()
    paused = (await order(north, job_id, "pause")).json()
    assert (paused["state"], paused["phase"]) == ("paused", "running")
    await work(site)
    assert (await job(north, job_id))["issued"] == paused["issued"] < 20
    assert (await order(north, job_id, "pause")).json()["state"] == "paused"
    assert (await order(north, job_id, "resume")).json()["state"] == "running"
    await work(site)
    assert (await job(north, job_id))["issued"] == 20


async def test_what_is_issued_of_a_job_that_is_cancelled_stays_and_the_rest_never_is(make_site: MakeSite) -> None:
    site: Site = await make_site(job_chunk_rows=5)
    north = await site.institution()
    job_id = await sent(north, await north.achievement(), csv_of(range(20)), auto_confirm=True)
    async with worker(site) as one:
        while (await job(north, job_id))["issued"] == 0:
            assert await one.step() or await one.move_on()
    cancelled = (await order(north, job_id, "cancel")).json()
    await work(site)
    issued = len(await site.rows("select from credentials"))
    assert 0 < issued == cancelled["issued"] == (await job(north, job_id))["issued"] < 20
    assert len(await site.told("laurel.credential.issued.v1")) == issued


async def test_a_job_can_be_cancelled_before_anything_of_it_was_looked_at(site: Site, north: Institution) -> None:
    job_id = await sent(north, await north.achievement(), csv_of(range(5)), auto_confirm=True)
    assert (await order(north, job_id, "confirm")).json()["code"] == "job_not_in_preview"
    await order(north, job_id, "cancel")
    await work(site)
    assert await site.rows("select from issuance_job_uploads") == []
    assert (await job(north, job_id))["linted"] == 0


async def test_a_job_whose_key_ends_pauses_and_goes_on_in_the_name_of_who_resumes_it(
    site: Site, north: Institution
) -> None:
    achievement = await north.achievement()
    async with await north.key() as doomed:
        job_id = await sent(doomed, achievement, csv_of(range(5)), auto_confirm=True)
        [key] = [each for each in (await doomed.get("/v1/api-keys")).json()["items"] if each["name"] == "another"]
    assert (await north.client.delete(f"/v1/api-keys/{key['id']}")).status_code == 204
    await work(site)
    paused = await job(north, job_id)
    assert (paused["state"], paused["reason_code"]) == ("paused", "key_no_longer_valid")
    await order(north, job_id, "resume")
    await work(site)
    done = await job(north, job_id)
    assert (done["state"], done["issued"], done["reason_code"]) == ("done", 5, None)


async def test_another_institution_finds_no_such_job(site: Site, north: Institution) -> None:
    south = await site.institution()
    job_id = await sent(north, await north.achievement(), csv_of(range(2)))
    for path in ("", "/preview", "/errors.csv", "/results.csv", "/events"):
        answer = await south.client.get(f"{JOBS}/{job_id}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")
    for change in ("confirm", "pause", "resume", "cancel"):
        assert (await order(south, job_id, change)).status_code == 404
    assert (await south.client.get(JOBS)).json()["items"] == []
    assert [each["id"] for each in (await north.client.get(JOBS)).json()["items"]] == [job_id]
    assert (await send(south, await north.achievement(), csv_of(range(2)))).status_code == 404


async def test_another_institutions_same_rows_are_its_own(site: Site, north: Institution) -> None:
    south = await site.institution()
    for each in (north, south):
        job_id = await sent(each, await each.achievement(), csv_of(range(4)), auto_confirm=True)
        await work(site)
        assert (await job(each, job_id))["issued"] == 4
    assert len(await site.rows("select from credentials")) == 8


async def test_an_institution_has_its_share_of_jobs_and_rows(make_site: MakeSite) -> None:
    site: Site = await make_site(job_open_per_institution=2)
    north, south = await site.institution(), await site.institution()
    achievement = await north.achievement()
    jobs = [await sent(north, achievement, csv_of(range(3))) for _ in range(2)]
    refused = await send(north, achievement, csv_of(range(3)))
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_jobs")
    assert "Retry-After" in refused.headers
    await sent(south, await south.achievement(), csv_of(range(3)))
    await order(north, jobs[0], "cancel")
    await sent(north, achievement, csv_of(range(3)))


async def test_rows_that_wait_are_limited_too(make_site: MakeSite) -> None:
    site: Site = await make_site(job_rows_per_institution=3)
    north = await site.institution()
    achievement = await north.achievement()
    await sent(north, achievement, csv_of(range(3)))
    refused = await send(north, achievement, csv_of(range(3)))
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_rows_waiting")


async def test_a_job_needs_the_scope_issue_and_a_reader_only_looks(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    job_id = await sent(north, achievement, csv_of(range(1)))
    async with await north.key(scopes=["read"]) as reader:
        assert (await send(reader, achievement, csv_of(range(1)))).status_code == 403
        assert (await order(reader, job_id, "confirm")).status_code == 403
        assert (await reader.get(f"{JOBS}/{job_id}")).status_code == 200
    north.client.headers = bearer("lrl_no_key")
    assert (await send(north, achievement, csv_of(range(1)))).status_code == 401
