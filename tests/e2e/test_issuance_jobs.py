"""A file of many rows on four real services: each row one badge, whatever is killed, and nothing of what is undone.

`LAUREL_TEST_JOB_ROWS=100000 pytest tests/e2e/test_issuance_jobs.py` sends a hundred thousand rows, which takes long.
"""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.messaging.events import ISSUER_EVENTS
from tests.support.balance import check_ledgers, nothing_lags, outboxes_are_empty
from tests.support.learner_files import LearnerFile
from tests.support.people import Institution, register_institution
from tests.support.poll import eventually
from tests.support.ports import free_port
from tests.support.postgres import CleanDatabase
from tests.support.stack import Process, Stack, standing
from tests.support.topics import read_topic

Databases = Callable[[str], CleanDatabase]

ORDINARY = 1_500
ROWS = int(os.environ.get("LAUREL_TEST_JOB_ROWS", ORDINARY))
BAD = 137
JOBS = "/v1/issuance-jobs"
# Small enough that workers are killed in the middle of one. What the killed had is taken over when its lease ends.
CHUNKS = {"job_chunk_rows": "100", "job_lease": "PT15S"} if ROWS <= ORDINARY else {}
PATIENCE = 600 if ROWS <= ORDINARY else 3 * 3600


class Desk:
    """An institution that sends files."""

    def __init__(self, institution: Institution, achievement: str) -> None:
        self.institution = institution
        self.achievement = achievement

    async def send(self, file: Any, **query: Any) -> str:
        """Send a file; return the job's id."""
        params = {"achievement_id": self.achievement, "auto_confirm": True, **query}
        headers = {"Content-Type": "text/csv"}
        answer = await self.institution.client.post(JOBS, params=params, content=file, headers=headers, timeout=600)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def job(self, job_id: str) -> dict[str, Any]:
        """How a job stands."""
        job: dict[str, Any] = (await self.institution.client.get(f"{JOBS}/{job_id}")).json()
        assert job["state"] not in ("failed", "paused"), job
        return job

    async def ended(self, job_id: str) -> dict[str, Any]:
        """The job, once it is done."""

        async def look() -> dict[str, Any] | None:
            job = await self.job(job_id)
            return job if job["state"] == "done" else None

        done: dict[str, Any] = await eventually(look, within=PATIENCE, every=1)
        return done

    async def errors(self, job_id: str) -> bytes:
        """The rows that failed, as a file."""
        return (await self.institution.client.get(f"{JOBS}/{job_id}/errors.csv")).content

    async def badges(self) -> list[str]:
        """The ids of all the institution's badges."""
        ids, cursor = list[str](), None
        while True:
            query = {"limit": 200, **({"cursor": cursor} if cursor else {})}
            page = (await self.institution.client.get("/v1/credentials", params=query)).json()
            ids += [each["id"] for each in page["items"]]
            if (cursor := page["next"]) is None:
                return ids


async def desk_at(stack: Stack) -> Desk:
    """An institution with a published achievement."""
    institution = await register_institution(stack.urls, stack.operator_key)
    return Desk(institution, await institution.achievement())


@pytest.mark.timeout(1800 if ROWS <= ORDINARY else 5 * 3600)
async def test_embedded_a_file_sent_twice_while_workers_are_killed_issues_each_row_once_and_its_errors_can_be_mended(
    tmp_path: Path, clean_database: Databases, embedded_log: dict[str, str]
) -> None:
    file = LearnerFile(ROWS, BAD)
    async with (
        standing(tmp_path, clean_database, embedded_log, split=True, **CHUNKS) as stack,
        two_workers(stack, tmp_path) as workers,
        connected(stack, "issuer") as database,
    ):
        desk = await desk_at(stack)
        first = await desk.send(file.chunks_of_file())
        await killed_at_work(workers, database, "linting", 0)
        await killed_at_work(workers, database, "running", ROWS // 5)
        second = await desk.send(file.chunks_of_file())
        await killed_at_work(workers, database, "running", ROWS // 2)

        jobs = [await desk.ended(each) for each in (first, second)]
        good = ROWS - BAD
        assert [job["errors"] for job in jobs] == [BAD, BAD]
        assert sum(job["issued"] for job in jobs) == good
        assert [job["issued"] + job["already_issued"] for job in jobs] == [good, good]
        assert await learners(database) == (good, good)
        told = [await desk.errors(each) for each in (first, second)]
        assert {rows_of(each) for each in told} == {tuple(sorted(file.bad))}

        mended = await desk.ended(await desk.send(file.mended(told[0])))
        assert (mended["rows"], mended["issued"], mended["errors"]) == (BAD, BAD, 0)
        assert await learners(database) == (ROWS, ROWS)
        await recorded_and_logged_once(stack, await desk.badges(), tmp_path)


@asynccontextmanager
async def two_workers(stack: Stack, folder: Path) -> AsyncIterator[Iterator[Process]]:
    """One more worker of the issuer's beside the stack's; gives the two in turn, for ever."""
    one = stack.processes["issuer", "worker"]
    other = one.beside("worker", free_port(), folder)
    other.start()
    await other.ready()

    def in_turn() -> Iterator[Process]:
        while True:
            yield from (one, other)

    try:
        yield in_turn()
    finally:
        await other.stop()


async def killed_at_work(
    workers: Iterator[Process], database: "asyncpg.Connection[asyncpg.Record]", phase: str, issued: int
) -> None:
    """Kill a worker while chunks are under way in a phase and so many badges are issued; start it again."""
    worker = next(workers)
    query = """
        select count(*) from issuance_job_chunks
        where lease is not null and leased_until > now() and phase = $1 and (select count(*) from credentials) >= $2
    """
    await eventually(lambda: database.fetchval(query, phase, issued), within=PATIENCE)
    worker.sigkill()
    worker.start()
    await worker.ready()


async def recorded_and_logged_once(stack: Stack, badges: list[str], folder: Path) -> None:
    """Every badge is in every service, in the log, and told of, once; nothing waits any more."""
    assert (len(badges), len(set(badges))) == (ROWS, ROWS)
    await eventually(lambda: len(list(stack.mail_folder.glob("*.eml"))) >= ROWS, within=PATIENCE, every=1)
    await eventually(lambda: outboxes_are_empty(stack), within=PATIENCE, every=1)
    await eventually(lambda: nothing_lags(stack), within=PATIENCE, every=1)
    acknowledged = folder / "acknowledged.jsonl"
    acknowledged.write_text("".join(json.dumps({"credential_id": each, "action": "issue"}) + "\n" for each in badges))
    check_ledgers(stack, acknowledged)
    assert len(list(stack.mail_folder.glob("*.eml"))) == ROWS


async def learners(database: "asyncpg.Connection[asyncpg.Record]") -> tuple[int, int]:
    """How many badges there are, and of how many learners."""
    row = await database.fetchrow("select count(*), count(distinct email) from credential_contents")
    assert row is not None
    return row[0], row[1]


def rows_of(errors: bytes) -> tuple[int, ...]:
    """The numbers of the rows in a file of errors."""
    return tuple(sorted(int(row["row"]) for row in csv.DictReader(io.StringIO(errors.decode("utf-8-sig")))))


# What is left of a badge, wherever it is left.
TRACES = {
    "issuer": ("credentials", "credential_contents", "credential_history", "status_positions", "issued_rows"),
    "registry": ("credentials", "history", "documents", "openings", "log_entries"),
    "verifier": ("credentials", "event_salts"),
    "notifier": ("notices", "recipients", "deliveries"),
}


async def test_embedded_a_held_job_that_is_cancelled_leaves_no_event_row_mail_or_leaf(
    tmp_path: Path, clean_database: Databases, embedded_log: dict[str, str]
) -> None:
    async with standing(tmp_path, clean_database, embedded_log) as stack:
        desk = await desk_at(stack)

        async def after_one_more_badge() -> Counter[str]:
            """What is left everywhere once a badge has come through; so has all that was sent before it."""
            before = await traces(stack, embedded_log)
            await desk.send(f"email\nsingle{before['mails']}@example.org\n".encode())
            await eventually(lambda: outboxes_are_empty(stack), within=PATIENCE)
            await eventually(lambda: grown_everywhere(stack, embedded_log, before), within=PATIENCE, every=0.5)
            await eventually(lambda: nothing_lags(stack), within=PATIENCE)
            return await traces(stack, embedded_log)

        none = await after_one_more_badge()
        one = await after_one_more_badge()
        held = await desk.send(LearnerFile(300, 0).chunks_of_file(), release_at="2099-01-31T08:00:00Z")
        await eventually(lambda: is_in(desk, held, "held"), within=PATIENCE)
        assert (await desk.institution.client.post(f"{JOBS}/{held}/cancel")).json()["state"] == "cancelled"
        two = await after_one_more_badge()
        assert two - one == one - none, "the job has left something behind that a badge alone does not"

        released = await desk.send(LearnerFile(300, 0).chunks_of_file())
        assert (await desk.ended(released))["issued"] == 300
        # Had the held one left something, it would be there.
        await eventually(lambda: grown_everywhere(stack, embedded_log, two), within=PATIENCE, every=0.5)


async def grown_everywhere(stack: Stack, event_log: dict[str, str], before: Counter[str]) -> bool:
    """Whether there is more in every place than there was; AssertionError names those where there is not."""
    now = await traces(stack, event_log)
    assert not (same := [name for name, count in now.items() if count <= before[name]]), same
    return True


async def is_in(desk: Desk, job_id: str, state: str) -> bool:
    return bool((await desk.job(job_id))["state"] == state)


async def traces(stack: Stack, event_log: dict[str, str]) -> Counter[str]:
    """Rows of every table that a badge leaves one in, mails, and events."""
    found = Counter(mails=len(list(stack.mail_folder.glob("*.eml"))))
    found["events"] = len(await read_topic(event_log, ISSUER_EVENTS))
    for service, tables in TRACES.items():
        async with connected(stack, service) as database:
            for table in tables:
                found[f"{service}.{table}"] = await database.fetchval(f"select count(*) from {table}")
    return found


@asynccontextmanager
async def connected(stack: Stack, service: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(stack.databases[service].superuser)
    try:
        yield connection
    finally:
        await connection.close()
