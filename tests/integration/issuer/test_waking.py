"""Each commit that leaves the issuer's workers work wakes them: they find it though they never look by themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from services.issuer.store.jobs import JOB_WORKER
from services.issuer.store.lists import LIST_SIGNER
from services.issuer.store.revocations import REVOKER
from shared.messaging.outbox import RELAY
from tests.integration.issuer.conftest import Institution, MakeSite, Site
from tests.integration.issuer.jobs import csv_of, job, order, sent
from tests.integration.issuer.test_revocations import issued
from tests.integration.issuer.test_revoking_many import begun, ended
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.resting import Sleepers
from tests.support.service import clean_event_log


@dataclass
class Drowsy:
    """An issuer whose workers look at nothing unless they are rung for, and an institution."""

    site: Site
    north: Institution
    workers: Sleepers


@pytest.fixture
async def drowsy(
    make_site: MakeSite, clean_database: Callable[[str], CleanDatabase], monkeypatch: pytest.MonkeyPatch
) -> Drowsy:
    workers = Sleepers(monkeypatch, RELAY, LIST_SIGNER, REVOKER, JOB_WORKER)
    log = await clean_event_log(clean_database)
    site: Site = await make_site("all", eventlog_dsn=log.app)
    await workers.asleep()
    return Drowsy(site, await site.institution(), workers)


async def is_in(north: Institution, state: str, job_id: str) -> bool:
    """Whether a job is in this state."""
    return bool((await job(north, job_id))["state"] == state)


async def test_what_is_told_is_sent(drowsy: Drowsy) -> None:
    async def is_sent() -> bool:
        return await drowsy.site.rows("select from outbox where sent_at is null") == []

    await drowsy.workers.asleep()
    await drowsy.north.achievement()
    await eventually(is_sent)


async def test_a_new_list_is_signed_and_a_changed_one_anew(drowsy: Drowsy) -> None:
    async def all_are_signed() -> bool:
        return await drowsy.site.rows("select from status_lists where changes > signed_changes") == []

    achievement = await drowsy.north.achievement()
    await drowsy.workers.asleep()
    [badge] = await issued(drowsy.north, achievement, 1)
    await eventually(all_are_signed)
    await drowsy.workers.asleep()
    assert (await drowsy.north.revoke(badge)).status_code == 200
    await eventually(all_are_signed)


async def test_a_revocation_of_many_is_done_when_it_is_confirmed_and_a_paused_one_when_it_is_resumed(
    drowsy: Drowsy,
) -> None:
    north = drowsy.north
    first, second = [await issued(north, await north.achievement(), 3) for _ in range(2)]
    await drowsy.workers.asleep()
    await eventually(partial(ended, north, await begun(north, first)))
    await drowsy.workers.asleep()
    with drowsy.workers.deaf():
        path = await begun(north, second)
        assert (await north.client.post(f"{path}/pause")).json()["state"] == "paused"
    await north.client.post(f"{path}/resume")
    await eventually(partial(ended, north, path))


async def test_a_file_goes_from_its_upload_to_its_end_and_a_paused_job_goes_on_when_it_is_resumed(
    drowsy: Drowsy,
) -> None:
    north, workers = drowsy.north, drowsy.workers
    achievement = await north.achievement()
    await workers.asleep()
    job_id = await sent(north, achievement, csv_of(range(3)))
    await eventually(partial(is_in, north, "preview", job_id))
    await workers.asleep()
    assert (await order(north, job_id, "confirm")).status_code == 200
    await eventually(partial(is_in, north, "done", job_id))
    await workers.asleep()
    with workers.deaf():
        another = await sent(north, achievement, csv_of(range(3, 6)), auto_confirm=True)
        assert (await order(north, another, "pause")).json()["state"] == "paused"
    assert (await order(north, another, "resume")).status_code == 200
    await eventually(partial(is_in, north, "done", another))
