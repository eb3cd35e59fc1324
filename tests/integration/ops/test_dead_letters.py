"""What an operator does with records that were given up, through the routes that every service has."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import httpx
import pytest

from shared import ops
from shared.db import Database, Tx
from shared.messaging import holding
from shared.messaging.holding import Held
from shared.messaging.ports import Partition, Received
from shared.messaging.positions import EARLIEST
from shared.service import Parts, Runtime, Service, running
from shared.settings import Settings
from tests.support.people import bearer
from tests.support.postgres import CleanDatabase


async def no_lines(_: Tx, __: str | None, ___: int) -> Sequence[dict[str, str]]:
    return []


def build(_: Runtime[Settings]) -> Parts:
    return Parts(routers=[ops.router(ops.Operations(ledger=no_lines))], tasks={})


@pytest.fixture
def clean(clean_database: Callable[[str], CleanDatabase]) -> CleanDatabase:
    return clean_database("issuer")


@pytest.fixture
async def worker(clean: CleanDatabase) -> AsyncIterator[Database]:
    """The service's database as its worker reaches it."""
    database = await Database.open(clean.worker, 2)
    yield database
    await database.close()


@pytest.fixture
async def operator(clean: CleanDatabase, worker: Database) -> AsyncIterator[httpx.AsyncClient]:
    """The operator of a service with three dead letters and a row that the log refused."""
    async with worker.transaction() as tx:
        letters = [Held(_record(number), "ill_formed", "not JSON") for number in range(3)]
        await holding.hold(tx, "laurel.probe", letters)
        await tx.execute(
            """
            insert into outbox (event_id, topic, shard, key, headers, value, refused)
            values (gen_random_uuid(), 'issuer.events.v1', 0, 'k', '{}', 'v', 'too large')
            """
        )
    settings = Settings(
        app_dsn=clean.app, worker_dsn=clean.worker, eventlog_dsn=clean.worker, port=0, operator_key="operator"
    )
    async with (
        running(Service("probe", "Probe", lambda: settings, build), settings, "api") as url,
        httpx.AsyncClient(base_url=url, headers=bearer("operator")) as client,
    ):
        yield client


def _record(number: int) -> Received:
    return Received(Partition("issuer.events.v1", 0), number, b"k", (), b"{", datetime.now(UTC))


async def listed(operator: httpx.AsyncClient, **query: int) -> list[int]:
    answer = await operator.get("/v1/ops/dead-letters", params=query)
    return [item["id"] for item in answer.json()["items"]]


async def test_dead_letters_are_listed_page_by_page_without_their_content(operator: httpx.AsyncClient) -> None:
    everything = await listed(operator)
    first = (await operator.get("/v1/ops/dead-letters", params={"limit": 2})).json()
    assert [item["id"] for item in first["items"]] == everything[:2]
    assert await listed(operator, cursor=int(first["next"])) == everything[2:]
    assert "value" not in first["items"][0]


async def test_a_replayed_letter_waits_for_its_consumer_again(operator: httpx.AsyncClient) -> None:
    letter, *others = await listed(operator)
    assert (await operator.post("/v1/ops/replay", json={"ids": [letter]})).json() == {"count": 1}
    assert await listed(operator) == others


async def test_replaying_everything_releases_what_the_log_had_refused(operator: httpx.AsyncClient) -> None:
    assert (await operator.post("/v1/ops/replay", json={})).json() == {"count": 4}
    page = (await operator.get("/v1/ops/ledger")).json()
    assert page["queues"] == {"outbox": 1, "refused": 0, "parked": 3, "buried": 0}


async def test_a_discarded_letter_is_gone_and_no_other(operator: httpx.AsyncClient) -> None:
    letter, *others = await listed(operator)
    assert (await operator.post("/v1/ops/discard", json={"ids": [letter, 10**6]})).json() == {"count": 1}
    assert await listed(operator) == others


async def test_only_the_operator_may_and_what_is_not_offered_is_404(operator: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=operator.base_url) as nobody:
        assert (await nobody.get("/v1/ops/dead-letters")).status_code == 401
    assert (await operator.post("/v1/ops/rebuild")).status_code == 404
    assert (await operator.post("/v1/ops/refeed")).status_code == 404


async def test_a_restarted_consumer_begins_at_the_earliest_record_and_one_that_is_not_here_is_404(
    operator: httpx.AsyncClient, worker: Database
) -> None:
    async with worker.transaction() as tx:
        await tx.execute("insert into consumer_offsets values ('laurel.probe', 'issuer.events.v1', 0, 17)")
    answer = await operator.post("/v1/ops/restart", json={"consumer": "laurel.probe"})
    assert answer.json() == {"count": 1}
    async with worker.transaction() as tx:
        assert await tx.fetchval("select next from consumer_offsets") == EARLIEST
    stranger = await operator.post("/v1/ops/restart", json={"consumer": "laurel.stranger"})
    assert (stranger.status_code, stranger.json()["code"]) == (404, "unknown_consumer")
