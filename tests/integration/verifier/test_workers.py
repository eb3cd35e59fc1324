"""Foreign documents are looked into by processes that anything may happen to, and nobody else notices."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.verifier.jobs import Failed, Found, Job
from services.verifier.workers import ROOT, Workers
from shared.errors import Unavailable
from tests.integration.verifier.builders import a_poison_badge
from tests.integration.verifier.conftest import Verifier, pool
from tests.support.badges import NOW, a_signed_badge
from tests.support.poll import eventually

# What no limit of ours foresaw would look like this to the pool: a process that is busy for ever.
BUSY = {"busy": "for ever"}
TOO_COMPLEX = Failed(failed="too_complex")


def a_job(document: Any = None) -> Job:
    return Job(badge=document or a_signed_badge(status=[]), now=NOW)


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def check_good(workers: Workers) -> Found:
    found = await workers.check(a_job())
    assert isinstance(found, Found)
    assert found.checked.signed_by_issuer
    return found


@pytest.fixture
def busy_documents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let worker processes fall into an endless loop over the BUSY document, and eat memory over a GREEDY one."""
    (tmp_path / "sitecustomize.py").write_text(
        "import shared.credentials.check as check\n"
        "plain = check.check_document\n"
        "def busy(document, **others):\n"
        "    while document == {'busy': 'for ever'}: pass\n"
        "    if document == {'greedy': True}: len(bytearray(4 << 30))\n"
        "    if document == {'broken': True}: raise RuntimeError('planted-secret-9f3a')\n"
        "    return plain(document, **others)\n"
        "check.check_document = busy\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")


async def test_a_good_badge_is_found_good() -> None:
    async with pool() as workers:
        await check_good(workers)


async def test_a_poison_graph_is_too_complex_and_the_pool_answers_others_meanwhile() -> None:
    async with pool(size=2) as workers:
        found, *others = await asyncio.gather(
            workers.check(a_job(a_poison_badge())), *[check_good(workers) for _ in range(5)]
        )
        assert len(others) == 5
        codes = {check.code for check in found.checked.checks} if isinstance(found, Found) else {found.failed}
        assert "too_complex" in codes


@pytest.mark.usefixtures("busy_documents")
async def test_a_document_that_costs_too_much_cpu_time_is_too_complex_and_the_pool_goes_on() -> None:
    async with pool(cpu_seconds=0.3) as workers:
        (first,) = workers.process_ids
        assert await workers.check(a_job(BUSY)) == TOO_COMPLEX
        assert gone(first)
        await check_good(workers)


@pytest.mark.usefixtures("busy_documents")
async def test_one_endless_document_keeps_nobody_else_waiting() -> None:
    async with pool(size=2, cpu_seconds=3) as workers:
        endless = asyncio.create_task(workers.check(a_job(BUSY)))
        await asyncio.gather(*[check_good(workers) for _ in range(5)])
        assert not endless.done()
        assert await endless == TOO_COMPLEX


@pytest.mark.usefixtures("busy_documents")
async def test_a_document_that_takes_too_much_memory_is_too_complex() -> None:
    async with pool() as workers:
        assert await workers.check(a_job({"greedy": True})) == TOO_COMPLEX
        await check_good(workers)


@pytest.mark.usefixtures("busy_documents")
async def test_an_error_of_ours_is_told_without_what_it_says() -> None:
    async with pool() as workers:
        failed = await workers.check(a_job({"broken": True}))
        assert isinstance(failed, Failed)
        assert failed.failed == "error"
        assert failed.error is not None
        assert failed.error.startswith("RuntimeError at sitecustomize.py")
        await check_good(workers)


@pytest.mark.usefixtures("busy_documents")
async def test_an_error_of_ours_is_one_documents_unknown_and_no_failure_of_its_batch(verifier: Verifier) -> None:
    async with verifier.serving(check_workers=1):
        body = {"credentials": [{}, {"broken": True}, {}]}
        employer = await verifier.employer()
        answer = await verifier.client.post("/v1/verifications/batch", json=body, headers=employer)
        assert answer.status_code == 200, answer.text
        said = [(report["verdict"], report["reason"]) for report in answer.json()["results"]]
        assert said == [("invalid", "malformed"), ("unknown", "check_failed"), ("invalid", "malformed")]
        alone = await verifier.verify({"broken": True})
        assert (alone["verdict"], alone["reason"]) == ("unknown", "check_failed")
        assert "planted-secret" not in str(alone)


async def test_what_has_no_json_form_is_its_own_documents_failure() -> None:
    async with pool() as workers:
        assert isinstance(await workers.check(a_job({"half": "\ud800"})), Failed)
        await check_good(workers)


@pytest.mark.usefixtures("busy_documents")
async def test_a_badge_whose_process_is_killed_is_checked_by_the_next_one() -> None:
    async with pool(cpu_seconds=60) as workers:
        (first,) = workers.process_ids
        os.kill(first, signal.SIGSTOP)
        good = asyncio.create_task(workers.check(a_job()))
        await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        found = await good
        assert isinstance(found, Found)
        assert found.checked.signed_by_issuer
        assert first not in workers.process_ids


@pytest.mark.usefixtures("busy_documents")
async def test_a_document_whose_process_is_killed_twice_is_too_complex() -> None:
    async with pool(cpu_seconds=60) as workers:
        task = asyncio.create_task(workers.check(a_job(BUSY)))
        killed = set()
        while not task.done():
            for pid in workers.process_ids - killed:
                await eventually(lambda pid=pid: cpu_seconds(pid) > 0)
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            await asyncio.sleep(0.05)
        assert task.result() == TOO_COMPLEX
        assert len(killed) >= 2


@pytest.mark.usefixtures("busy_documents")
async def test_when_too_many_documents_wait_the_next_is_told_to_come_back() -> None:
    async with pool(queue=1, cpu_seconds=1) as workers:
        under_way = asyncio.create_task(workers.check(a_job(BUSY)))
        await asyncio.sleep(0)  # it is in the queue now, and soon with the process
        await eventually(lambda: workers.waiting == 0)
        waiting = asyncio.create_task(workers.check(a_job()))
        await asyncio.sleep(0)
        assert workers.waiting == 1
        with pytest.raises(Unavailable) as refused:
            await workers.check(a_job())
        assert refused.value.members["retry_after"] > 0
        assert await under_way == TOO_COMPLEX
        assert isinstance(await waiting, Found)


async def test_a_request_with_many_documents_leaves_the_queue_to_others() -> None:
    async with pool(queue=2) as workers:
        many = asyncio.create_task(workers.check_all([a_job()] * 20))
        while not many.done():
            assert workers.waiting < 2
            await asyncio.sleep(0.001)
        assert all(isinstance(found, Found) and found.checked.signed_by_issuer for found in await many)


async def test_nothing_is_left_when_the_pool_ends() -> None:
    async with pool(size=2) as workers:
        left = workers.process_ids
    assert len(left) == 2
    assert all(gone(pid) for pid in left)


async def test_processes_end_with_a_parent_that_was_killed() -> None:
    script = (
        "import asyncio\n"
        "from services.verifier.workers import Workers\n"
        "async def main():\n"
        "    pool = Workers(1, 1)\n"
        "    task = asyncio.create_task(pool.run())\n"
        "    while not pool.process_ids: await asyncio.sleep(0.01)\n"
        "    print(*pool.process_ids, flush=True)\n"
        "    await task\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await eventually(lambda: is_dead(child))


async def test_secrets_of_the_service_do_not_reach_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUREL_OPERATOR_KEY", "planted-secret-9f3a")
    async with pool() as workers:
        (pid,) = workers.process_ids
        assert b"planted-secret" not in environment_of(pid)


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_dead(pid: int) -> bool:
    """Whether a process is gone, or a zombie that waits for whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_clock_of_a_job_is_the_databases_not_the_processes() -> None:
    later = datetime(2030, 1, 1, tzinfo=UTC)
    assert Job.model_validate_json(Job(badge={}, now=later).model_dump_json()).now == later
