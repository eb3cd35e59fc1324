"""The worker of issuance jobs: takes chunks, of each institution in turn, and lets jobs go on from phase to phase."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from services.issuer.handlers import jobs as handlers
from services.issuer.handlers.job_chunks import Chunks, Leased, LeaseLost
from services.issuer.settings import IssuerSettings
from services.issuer.store import job_rows, jobs
from shared import db
from shared.db import Database
from shared.errors import LaurelError, Unavailable
from shared.ids import new_id
from shared.messaging.metrics import alarm
from shared.messaging.pace import Every
from shared.rounds import keep_working

log = structlog.get_logger()

WAITS = "issuance_jobs_wait"
# What has failed so often, or has killed so many workers, would do so for ever.
MAX_TRIES = 6
# Rows of old jobs that one transaction removes, and how often that is looked for.
REMOVED_AT_ONCE = 5_000
REMOVING_SECONDS = 10.0


class JobWorker:
    """Several may run, in as many processes: a chunk is one worker's as long as its lease lasts."""

    def __init__(self, database: Database, chunks: Chunks, settings: IssuerSettings) -> None:
        self._database = database
        self._chunks = chunks
        self._settings = settings
        self._removing = Every(REMOVING_SECONDS)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.job_chunks):
                group.create_task(self._keep(self.step))
            group.create_task(self._keep(self.move_on))

    async def _keep(self, step: Callable[[], Awaitable[bool]]) -> None:
        await keep_working(step, WAITS, self._database.bell.waiter(jobs.JOB_WORKER))

    async def step(self) -> bool:
        """Take one chunk and do what is to be done to it; False where there is none."""
        chunk = await self._take()
        if chunk is None:
            return False
        await self._work(chunk)
        return True

    async def move_on(self) -> bool:
        """Let each job go on whose phase is through, and remove what is not to be kept; False where none did."""
        async with self._database.transaction() as tx:
            due = await jobs.due_to_move(tx, self._settings.job_upload_silence)
        for each in due:
            async with self._database.transaction() as tx:
                await handlers.move_on(tx, each["id"])
        if self._removing.due():
            while await self._remove() == REMOVED_AT_ONCE:
                pass
        return bool(due)

    async def _remove(self) -> int:
        async with self._database.transaction() as tx:
            return await jobs.remove_rows(tx, self._settings.job_rows_kept, REMOVED_AT_ONCE)

    async def _take(self) -> Leased | None:
        async with self._database.transaction() as tx:
            for job in await job_rows.due(tx, self._settings.job_chunks_per_institution):
                lease = new_id()
                taken = await job_rows.take(tx, job, lease, self._settings.job_lease)
                if taken is not None:
                    if taken["tries"] <= MAX_TRIES:
                        return Leased(job, taken["number"], lease, self._settings.job_lease)
                    alarm("issuance_job_stopped", job_id=str(job["id"]), chunk=taken["number"])
                    await handlers.stop(tx, job["id"], "chunk_failed", _often(job["chunk_rows"], taken["number"]))
                    await job_rows.start_over(tx, job["id"], taken["number"])
        return None

    async def _work(self, chunk: Leased) -> None:
        try:
            await self._chunks.work(chunk)
        except LeaseLost:
            log.info("chunk_taken_over", job_id=str(chunk.job["id"]), chunk=chunk.number)
        except Unavailable as error:
            await self._give_back(chunk, counted=False)
            log.warning("chunk_waits", job_id=str(chunk.job["id"]), code=error.code)
            await asyncio.sleep(error.members.get("retry_after", 1))
        except LaurelError as error:
            await self._give_back(chunk, error, counted=False)
            log.warning("job_pauses", job_id=str(chunk.job["id"]), code=error.code)
        except Exception as error:
            await self._give_back(chunk)
            if db.is_failure_of_ours(error):
                raise
            # Its text and its surroundings may hold what rows hold.
            log.error("chunk_failed", job_id=str(chunk.job["id"]), chunk=chunk.number, error=type(error).__name__)  # noqa: TRY400
            await asyncio.sleep(1)

    async def _give_back(self, chunk: Leased, why: LaurelError | None = None, *, counted: bool = True) -> None:
        """Let others have a chunk; where no chunk of its job could do better, the job pauses and says why."""
        job_id: UUID = chunk.job["id"]
        async with self._database.transaction() as tx:
            if why is not None:
                await handlers.stop(tx, job_id, why.code, why.detail)
            await job_rows.let_go(tx, job_id, chunk.number, chunk.lease, counted=counted)


def _often(size: int, number: int) -> str:
    first, last = max(1, number * size), (number + 1) * size - 1
    return f"The rows {first} to {last} have failed {MAX_TRIES} times, for a reason that only the operator sees."
