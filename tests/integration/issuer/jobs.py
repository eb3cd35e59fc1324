"""Files of learners, and an institution that sends them as issuance jobs."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from services.issuer.api.job_rows import read_row
from services.issuer.handlers.issuing import Issuing
from services.issuer.handlers.job_chunks import Chunks
from services.issuer.jobs import JobWorker
from shared.db import Database
from tests.integration.issuer.conftest import Institution, Site

JOBS = "/v1/issuance-jobs"
CSV = {"Content-Type": "text/csv"}
LINES = {"Content-Type": "application/jsonl"}


def csv_of(numbers: Iterable[int], header: str = "name,email") -> str:
    """A file with one row for each learner."""
    return header + "\n" + "".join(f"Learner {number},learner{number}@example.org\n" for number in numbers)


async def send(
    who: Institution | httpx.AsyncClient, achievement: str, file: Any, *, key: str | None = None, **query: Any
) -> httpx.Response:
    """Send a file; `headers` in the query are the request's."""
    client = who.client if isinstance(who, Institution) else who
    headers = {**query.pop("headers", CSV), **({"Idempotency-Key": key} if key else {})}
    body = file.encode() if isinstance(file, str) else file
    return await client.post(JOBS, params={"achievement_id": achievement, **query}, content=body, headers=headers)


async def sent(who: Institution | httpx.AsyncClient, achievement: str, file: Any, **query: Any) -> str:
    """Send a file that is taken; return the job's id."""
    answer = await send(who, achievement, file, **query)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def job(who: Institution | httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    """How a job stands."""
    client = who.client if isinstance(who, Institution) else who
    answer = await client.get(f"{JOBS}/{job_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def order(who: Institution | httpx.AsyncClient, job_id: str, change: str) -> httpx.Response:
    """Confirm, pause, resume or cancel a job."""
    client = who.client if isinstance(who, Institution) else who
    return await client.post(f"{JOBS}/{job_id}/{change}")


@asynccontextmanager
async def worker(site: Site) -> AsyncIterator[JobWorker]:
    """A worker of issuance jobs that does what it is told to, with connections of its own."""
    app, database = await Database.open(site.database.app, 3), await Database.open(site.database.worker, 3)
    try:
        yield worker_on(site, app, database)
    finally:
        await app.close()
        await database.close()


def worker_on(site: Site, app: Database, database: Database, kind: type[Issuing] = Issuing) -> JobWorker:
    """A worker on these connections."""
    chunks = Chunks(app, database, kind(app, site.signer(), site.settings), read_row)
    return JobWorker(database, chunks, site.settings)


async def work(site: Site) -> None:
    """Do all that can be done."""
    async with worker(site) as one:
        await exhaust(one)


async def exhaust(one: JobWorker) -> None:
    """Let a worker do all that can be done."""
    while await one.step() or await one.move_on():
        pass
