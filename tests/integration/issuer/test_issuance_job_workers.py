"""Several workers share jobs: each row once, whoever is killed, and no institution waits behind another's file."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.issuer.handlers.issuing import TOO_SLOW, Issuing, Outcomes
from services.issuer.handlers.storing import Requester
from shared.db import Database
from shared.errors import Unavailable
from shared.messaging.metrics import ALARMS
from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.integration.issuer.jobs import csv_of, exhaust, job, order, sent, work, worker, worker_on
from tests.support.poll import eventually

SHORT = timedelta(milliseconds=1)


async def test_a_worker_that_is_killed_in_the_middle_of_a_chunk_is_taken_over_from(make_site: MakeSite) -> None:
    site: Site = await make_site(job_chunk_rows=10, job_lease=SHORT)
    north = await site.institution()
    job_id = await sent(north, await north.achievement(), csv_of(range(40)), auto_confirm=True)
    async with worker(site) as doomed, site.worker.session() as blocker:
        while (await job(north, job_id))["issued"] == 0:
            assert await doomed.step() or await doomed.move_on()
        # Whatever it stores now waits for this lock.
        block = blocker.transaction()
        await block.start()
        await blocker.execute("lock table issued_rows in share mode")
        step = asyncio.create_task(doomed.step())
        await eventually(lambda: waiting(site))
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        await block.rollback()
    before = await site.rows("select id from credentials")
    assert len(before) == 8, "the first chunk has the header, and none of what was under way is there"
    await work(site)
    done = await job(north, job_id)
    assert (done["state"], done["issued"]) == ("done", 40)
    assert len(await site.rows("select from credentials")) == 40
    assert len(await site.told("laurel.credential.issued.v1")) == 40


async def waiting(site: Site) -> bool:
    return bool(await site.rows("select from pg_locks where not granted and relation = 'issued_rows'::regclass"))


async def test_a_worker_whose_lease_has_ended_stores_nothing_beside_the_one_that_took_over(
    make_site: MakeSite,
) -> None:
    site: Site = await make_site(job_lease=SHORT)
    north = await site.institution()
    job_id = await sent(north, await north.achievement(), csv_of(range(20)))
    await work(site)
    await order(north, job_id, "confirm")
    async with worker(site) as slow, worker(site) as quick:
        held = await slow._take()
        assert held is not None
        await exhaust(quick)
        await slow._work(held)
    done = await job(north, job_id)
    assert (done["state"], done["issued"], done["already_issued"]) == ("done", 20, 0)
    assert len(await site.rows("select from credentials")) == 20


async def test_two_jobs_of_the_same_rows_at_once_issue_each_once(make_site: MakeSite) -> None:
    site: Site = await make_site(job_chunk_rows=10)
    north = await site.institution()
    achievement = await north.achievement()
    jobs = [await sent(north, achievement, csv_of(numbers)) for numbers in (range(60), reversed(range(60)))]
    await work(site)
    for job_id in jobs:
        await order(north, job_id, "confirm")
    async with worker(site) as one, worker(site) as two:
        await asyncio.gather(exhaust(one), exhaust(two))
    await work(site)
    done = [await job(north, job_id) for job_id in jobs]
    assert [each["state"] for each in done] == ["done", "done"]
    assert sum(each["issued"] for each in done) == 60
    assert sum(each["already_issued"] for each in done) == 60
    assert len(await site.rows("select from credentials")) == 60
    made = await site.rows("select job_id, count(*) as badges from issued_rows group by job_id")
    assert {str(row["job_id"]): row["badges"] for row in made} == {
        each["id"]: each["issued"] for each in done if each["issued"]
    }


async def test_institutions_have_turns_however_long_the_file_of_another_is(make_site: MakeSite) -> None:
    site: Site = await make_site(job_chunk_rows=5)
    north, south = await site.institution(), await site.institution()
    long = await sent(north, await north.achievement(), csv_of(range(200)), auto_confirm=True)
    short = await sent(south, await south.achievement(), csv_of(range(8)), auto_confirm=True)
    async with worker(site) as one:
        steps = 0
        while (await job(south, short))["state"] != "done":
            await one.step()
            await one.move_on()
            steps += 1
            assert steps < 20
    assert (await job(north, long))["linted"] < 200


async def test_an_institution_has_only_so_many_chunks_under_way(make_site: MakeSite) -> None:
    site: Site = await make_site(job_chunk_rows=5, job_chunks_per_institution=2)
    north, south = await site.institution(), await site.institution()
    await sent(north, await north.achievement(), csv_of(range(200)))
    await sent(south, await south.achievement(), csv_of(range(200)))
    async with worker(site) as one:
        taken = [await one._take() for _ in range(6)]
    whose = Counter(each.job["institution_id"] for each in taken if each is not None)
    assert whose == {north.id: 2, south.id: 2}


async def test_a_chunk_that_fails_again_and_again_pauses_its_job_alone(make_site: MakeSite) -> None:
    site: Site = await make_site(job_chunk_rows=5, job_lease=SHORT)
    north, south = await site.institution(), await site.institution()
    doomed = await sent(north, await north.achievement(), csv_of(range(5)))
    called = ALARMS.labels("issuance_job_stopped")._value.get()
    async with worker(site) as one:
        while (await job(north, doomed))["state"] == "linting":  # each time the worker is killed
            await one._take()
    paused = await job(north, doomed)
    assert (paused["state"], paused["reason_code"]) == ("paused", "chunk_failed")
    assert ALARMS.labels("issuance_job_stopped")._value.get() > called
    other = await sent(south, await south.achievement(), csv_of(range(5)), auto_confirm=True)
    await order(north, doomed, "resume")
    await work(site)
    assert (await job(south, other))["issued"] == 5
    assert (await job(north, doomed))["state"] == "preview"


async def test_the_workers_task_does_all_of_it_by_itself(site: Site, north: Institution) -> None:
    job_id = await sent(north, await north.achievement(), csv_of(range(5)), auto_confirm=True)
    async with worker(site) as one:
        task = asyncio.create_task(one.run())

        async def done() -> bool:
            return (await job(north, job_id))["state"] == "done"

        await eventually(done)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class SlowIssuing(Issuing):
    """Signs on a machine on which the signatures of more than so many badges are no longer fresh."""

    MOST = 40

    async def together(
        self, requester: Requester, achievement_id: UUID, orders: Any, *formats: Any, **tries: int
    ) -> Outcomes:
        if len(orders) > self.MOST:
            raise Unavailable(TOO_SLOW, "Too much is being signed at present.", retry_after=5)
        return await super().together(requester, achievement_id, orders, *formats, **tries)


async def test_a_slow_machine_issues_fewer_at_once_until_all_are_issued(site: Site, north: Institution) -> None:
    job_id = await sent(north, await north.achievement(), csv_of(range(330)), auto_confirm=True)
    app, database = await Database.open(site.database.app, 3), await Database.open(site.database.worker, 3)
    await exhaust(worker_on(site, app, database, SlowIssuing))
    done = await job(north, job_id)
    assert (done["state"], done["issued"], done["errors"], done["already_issued"]) == ("done", 330, 0, 0)
    assert len(await site.told("laurel.credential.issued.v1")) == 330
    await app.close()
    await database.close()


async def test_a_chunk_is_leased_anew_with_each_part_of_it_that_is_stored(site: Site, north: Institution) -> None:
    await sent(north, await north.achievement(), csv_of(range(20)), auto_confirm=True)
    async with worker(site) as one:
        held = await one._take()
        assert held is not None
        [before] = await site.rows("select leased_until from issuance_job_chunks where lease is not null")
        async with site.worker.transaction() as tx:
            await held.hold(tx)
        [after] = await site.rows("select leased_until from issuance_job_chunks where lease is not null")
    assert after["leased_until"] > before["leased_until"]
