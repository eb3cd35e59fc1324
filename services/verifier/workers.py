"""A pool of processes that look into foreign documents: bounded in time, memory and number, and killed when in doubt.

pool = Workers(size=2, queue=64)
task = asyncio.create_task(pool.run())
found = await pool.check(Job(badge=badge, now=now))
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import structlog
from prometheus_client import Counter, Gauge

from services.verifier.check_worker import LENGTH_BYTES
from services.verifier.jobs import (
    Answer,
    AnyJob,
    Failed,
    Found,
    Job,
    Outcome,
    Presenting,
    Reading,
    Refused,
    Sound,
    Unpacked,
    Unpacking,
    Wanted,
)
from services.verifier.parcels import Packer
from shared.credentials.presentations import Shown
from shared.errors import Unavailable

log = structlog.get_logger()

ROOT = Path(__file__).resolve().parents[2]
# What Python needs of our environment; the rest holds secrets, which have no place near foreign documents.
ENVIRONMENT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL")
# Memory that a long row of odd documents has left behind goes with the process.
JOBS_PER_PROCESS = 5_000
# CPU time is what a document may cost; this bounds a process that does nothing at all any more.
PATIENCE_SECONDS = 60.0
START_SECONDS = 60.0
# Between two starts of a process that would not start.
PAUSE_SECONDS = 1.0

WAITING = Gauge("laurel_checks_waiting", "Documents that wait for a worker process")
FAILED = Counter("laurel_checks_failed_total", "Documents that an error of ours kept from being checked")
ENDED = Counter("laurel_check_processes_ended_total", "Worker processes that ended", ["cause"])


class _Ended(Exception):
    """The worker process is gone."""


@dataclass(eq=False)
class _Task:
    job: AnyJob
    answer: "asyncio.Future[Outcome]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    tried: bool = False


class Workers:
    """`size` worker processes, and at most `queue` documents that wait for them."""

    def __init__(
        self,
        size: int,
        queue: int,
        cpu_seconds: float = 2.0,
        memory_mib: int = 256,
        extra_contexts: Path | None = None,
    ) -> None:
        self._size = size
        self._command = [
            sys.executable, "-m", "services.verifier.check_worker",
            "--cpu-seconds", str(cpu_seconds), "--memory-mib", str(memory_mib),
            *(["--extra-contexts", str(extra_contexts.resolve())] if extra_contexts else []),
        ]  # fmt: skip
        self._tasks: asyncio.Queue[_Task] = asyncio.Queue(queue)
        self._again: list[_Task] = []
        self._processes: set[Process] = set()
        self._running = False

    @property
    def process_ids(self) -> set[int]:
        """The processes that are ready for work or at it."""
        return {process.pid for process in self._processes}

    @property
    def waiting(self) -> int:
        """How many documents wait for a process."""
        return self._tasks.qsize()

    def trouble(self) -> str | None:
        """Return what keeps documents from being checked; None while all is well, or nobody has called `run`."""
        return "no worker process is ready" if self._running and not self._processes else None

    async def run(self) -> None:
        """Keep the processes going until cancelled; none of them is left afterwards."""
        self._running = True
        async with asyncio.TaskGroup() as places:
            for _ in range(self._size):
                places.create_task(self._keep_one())

    async def check(self, job: Job, *, wait: bool = False) -> Found | Wanted | Failed:
        """Have one document looked into; Failed where it is too complex, or where an error of ours came in between.

        Raises Unavailable where too many wait already (unless `wait`: for further documents of a request that has got
        in).
        """
        return cast(Found | Wanted | Failed, await self._done(job, wait=wait))

    async def present(self, job: Presenting) -> Shown | Wanted | Failed:
        """Have a presentation looked into; Failed and Unavailable as `check` has them."""
        return cast(Shown | Wanted | Failed, await self._done(job))

    async def unpack(self, raw: bytes) -> Unpacked | Refused | Failed:
        """Have the credential taken out of a file; Failed and Unavailable as `check` has them."""
        return cast(Unpacked | Refused | Failed, await self._done(Unpacking(raw=raw)))

    async def look_through(self, text: bytes) -> Sound | Refused | Failed:
        """Have a text in JSON read with care; Failed and Unavailable as `check` has them."""
        return cast(Sound | Refused | Failed, await self._done(Reading(json_text=text)))

    async def check_all(self, jobs: Sequence[Job]) -> list[Found | Wanted | Failed]:
        """Have the documents of one request looked into; it takes no more places in the queue than there are processes.

        Raises as `check` does; only the first can find the queue full.
        """
        lanes = asyncio.Semaphore(self._size)

        async def one(job: Job) -> Found | Wanted | Failed:
            async with lanes:
                return await self.check(job, wait=True)

        first, *others = jobs
        return [await self.check(first), *await asyncio.gather(*map(one, others))]

    async def _done(self, job: AnyJob, *, wait: bool = False) -> Outcome:
        task = _Task(job)
        if wait:
            await self._tasks.put(task)
        else:
            self._put(task)
        WAITING.set(self._tasks.qsize())
        return await task.answer

    def _put(self, task: _Task) -> None:
        try:
            self._tasks.put_nowait(task)
        except asyncio.QueueFull:
            raise Unavailable("busy", "Too many documents wait to be checked.", retry_after=2) from None

    async def _keep_one(self) -> None:
        """Fill one place of the pool with process after process."""
        while True:
            process = await self._start()
            if process is None:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self._processes.add(process)
            try:
                await self._serve(process)
            finally:
                self._processes.discard(process)
                await _end(process)

    async def _start(self) -> Process | None:
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        # A session of its own: what ends our process group must not end documents half-way while we still drain.
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, cwd=ROOT, env=environment, start_new_session=True
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await _receive(process)  # its word that it is ready
        except (_Ended, TimeoutError):
            await _end(process)
            log.warning("check_process_did_not_start", exit_code=process.returncode)
            return None
        except BaseException:
            await _end(process)
            raise
        return process

    async def _serve(self, process: Process) -> None:
        """Hand `process` job after job until it ends or has done its share."""
        packer = Packer()
        for _ in range(JOBS_PER_PROCESS):
            task = self._again.pop() if self._again else await self._tasks.get()
            WAITING.set(self._tasks.qsize())
            if task.answer.done():  # whoever asked has gone
                continue
            try:
                await self._answer(process, packer, task)
            except _Ended:
                return await self._give_up(process, task)
            except asyncio.CancelledError:
                task.answer.cancel()
                raise
        ENDED.labels("retired").inc()
        return None

    async def _answer(self, process: Process, packer: Packer, task: _Task) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                outcome = await _ask(process, packer, task.job)
        except TimeoutError as error:
            raise _Ended from error
        if isinstance(outcome, Failed) and outcome.failed == "error":
            FAILED.inc()
            log.error("check_failed", error=outcome.error)
        if not task.answer.done():
            task.answer.set_result(outcome)

    async def _give_up(self, process: Process, task: _Task) -> None:
        """Decide what the end of a process says of the document: out of CPU time, or something else had ended it.

        In the second case the document is tried once more, so that it does not answer for others' deeds.
        """
        await _end(process)
        out_of_time = process.returncode == -signal.SIGPROF
        ENDED.labels("cpu_time" if out_of_time else "killed").inc()
        log.warning("check_process_ended", exit_code=process.returncode)
        if task.answer.done():
            return
        if out_of_time or task.tried:
            task.answer.set_result(Failed(failed="too_complex"))
        else:
            task.tried = True
            self._again.append(task)  # for the next process in this place


async def _ask(process: Process, packer: Packer, job: AnyJob) -> Outcome:
    """Have a job done; what goes wrong in putting it into JSON, or in reading the answer, is this document's alone."""
    try:
        outcome = await _exchange(process, packer.packed(job))
    except ValueError as error:
        outcome = Failed(failed="error", error=type(error).__name__)
    if isinstance(outcome, Failed):
        packer.forget()  # it may have failed before it had taken in what came with the job
    return outcome


async def _exchange(process: Process, message: bytes) -> Outcome:
    stdin = cast(asyncio.StreamWriter, process.stdin)  # it was started with pipes
    stdin.write(len(message).to_bytes(LENGTH_BYTES) + message)
    with suppress(ConnectionError):  # reading tells as much, and more surely
        await stdin.drain()
    return Answer.model_validate_json(await _receive(process)).outcome


async def _receive(process: Process) -> bytes:
    stdout = cast(asyncio.StreamReader, process.stdout)
    try:
        head = await stdout.readexactly(LENGTH_BYTES)
        return await stdout.readexactly(int.from_bytes(head))
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise _Ended from error


async def _end(process: Process) -> None:
    """End a process that may be in any state, and wait until nothing of it is left."""
    with suppress(ProcessLookupError):
        process.kill()
    await asyncio.shield(process.wait())
