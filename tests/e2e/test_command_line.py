"""`laurel issue FILE.csv` against all services: whatever happens on the way, each learner has one badge at the end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.people import Institution, register_institution
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.stack import Stack, standing

HANG = """
    create function hang() returns trigger language plpgsql as 'begin perform pg_sleep(3600); return new; end';
    create trigger hang before insert on issued_rows for each row when (new.number = 330) execute function hang();
"""
ASLEEP = "from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"


@dataclass(frozen=True)
class Desk:
    """An institution's desk: its command line, its key in a file, a published achievement."""

    stack: Stack
    folder: Path
    institution: Institution
    achievement: str

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `laurel` as a process of its own."""
        urls = {f"LAUREL_URL_{name.upper()}": url for name, url in self.stack.urls.items()}
        environment = {**os.environ, **urls, "LAUREL_HOME": str(self.folder)}
        environment |= {"LAUREL_OPERATOR_KEY": self.stack.operator_key}
        environment |= {"LAUREL_INSTITUTION_KEY_FILE": str(self.folder / "key")}
        command = [sys.executable, "-m", "cli", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run `laurel`; return exit code, output and errors."""
        process = self.start(*arguments)
        out, errors = await asyncio.to_thread(process.communicate)
        return process.returncode, out, errors

    async def issue(self, file: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Issue a file; return exit code and what is told of its rows."""
        code, out, errors = await self.run("issue", str(file), "--achievement", self.achievement, "--json", *arguments)
        assert out, errors
        told: dict[str, Any] = json.loads(out)
        return code, told

    def file(self, text: str) -> Path:
        """Write a file of learners."""
        path = self.folder / "class.csv"
        path.write_text(text)
        return path

    async def badges(self) -> dict[str, int]:
        """How many badges each learner has, by address."""
        connection = await asyncpg.connect(self.stack.databases["issuer"].superuser)
        counted = await connection.fetch("select email, count(*) from credential_contents group by email")
        await connection.close()
        return dict(counted)


@pytest.fixture
async def desk(
    tmp_path: Path, clean_database: Callable[[str], CleanDatabase], embedded_log: dict[str, str]
) -> AsyncIterator[Desk]:
    async with standing(tmp_path, clean_database, embedded_log, job_chunk_rows="100") as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        (tmp_path / "key").write_text(institution.client.headers["Authorization"].removeprefix("Bearer "))
        yield Desk(stack, tmp_path, institution, await institution.achievement())
        await institution.client.aclose()


def learners(count: int) -> str:
    return "email,name\n" + "".join(f"learner{n}@example.org,Learner {n}\n" for n in range(count))


async def test_embedded_a_file_sent_twice_issues_each_row_once_and_bad_rows_can_be_mended(desk: Desk) -> None:
    file = desk.file(learners(60) + "nobody,Nobody\nlate@example.org,\n")
    file.write_text(file.read_text().replace("late@example.org,", f"late@example.org,{'x' * 201}"))
    failures = desk.folder / "failed.csv"
    code, dry = await desk.issue(file, "--dry-run")
    assert (code, dry["valid"], dry["failed"], await desk.badges()) == (1, 60, 2, {})
    code, first = await desk.issue(file, "--errors", str(failures))
    assert (code, first["issued"], first["failed"]) == (1, 60, 2)
    assert [(each["row"], each["column"]) for each in first["rows"] if each["status"] == "error"] == [
        (62, "email"),
        (63, "name"),
    ]
    code, again = await desk.issue(file)
    assert (code, again["issued"], again["already_issued"]) == (1, 0, 60)
    failures.write_text(failures.read_text().replace("nobody", "somebody@example.org").replace("x" * 201, "Late"))
    code, mended = await desk.issue(failures)
    assert (code, mended["issued"]) == (0, 2)
    badges = await desk.badges()
    assert (len(badges), set(badges.values())) == (62, {1})
    code, out, _ = await desk.run("ledger-check", "--settle", "60", "--json")
    assert (code, json.loads(out)["violations"]) == (0, 0)


async def test_embedded_a_command_killed_half_way_and_run_again_issues_the_rest_once(desk: Desk) -> None:
    file = desk.file(learners(450))
    # The chunk of one row hangs in the database while the others are issued, so that the kill meets the job half-way.
    superuser = await asyncpg.connect(desk.stack.databases["issuer"].superuser)
    await superuser.execute(HANG)
    process = desk.start("issue", str(file), "--achievement", desk.achievement)
    try:
        await eventually(lambda: superuser.fetch(f"select {ASLEEP}"))
        await eventually(desk.badges)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    before = await desk.badges()
    assert 0 < len(before) < 450
    await ended(superuser)
    await superuser.close()

    code, again = await desk.issue(file)
    assert (code, again["issued"] + again["already_issued"], again["failed"]) == (0, 450, 0)
    assert again["already_issued"] >= len(before)
    badges = await desk.badges()
    assert (len(badges), set(badges.values())) == (450, {1})


async def test_embedded_a_file_is_held_and_cancelled_or_followed_until_it_is_issued(desk: Desk) -> None:
    file = desk.file(learners(30))
    code, held = await desk.issue(file, "--undo", "2d")
    assert (code, held["state"], held["valid"], await desk.badges()) == (0, "held", 30, {})
    code, out, errors = await desk.run("jobs", "cancel", held["job_id"])
    assert (code, out.startswith("CANCELLED")) == (0, True), errors
    code, out, _ = await desk.run("issue", "--job", held["job_id"])
    assert (code, out) == (1, "The job was cancelled. 0 issued, 0 failed.\n")

    code, held = await desk.issue(file, "--undo", "1s")
    await eventually(lambda: followed(desk, held["job_id"]))
    assert len(await desk.badges()) == 30
    code, out, _ = await desk.run("jobs", "list")
    assert [line.split()[1] for line in out.splitlines()] == ["done", "cancelled"]


async def followed(desk: Desk, job: str) -> bool:
    """Follow a job; whether it is done."""
    code, out, errors = await desk.run("issue", "--job", job, "--json")
    assert code == 0, errors
    return bool(json.loads(out)["state"] == "done")


async def test_embedded_a_row_that_says_something_else_than_before_is_refused(desk: Desk) -> None:
    await desk.issue(desk.file(learners(3)))
    code, changed = await desk.issue(desk.file(learners(4).replace("Learner 1", "Another Name")))
    assert (code, changed["issued"], changed["already_issued"], changed["failed"]) == (1, 1, 2, 1)
    assert [each["row"] for each in changed["rows"]] == [3]


async def ended(superuser: asyncpg.Connection) -> None:
    """End what hangs, and let nothing hang any more."""
    await superuser.execute(f"select pg_terminate_backend(pid) {ASLEEP}")
    await superuser.execute("drop trigger hang on issued_rows")


async def test_embedded_the_log_of_what_was_issued_is_reconciled_audited_exported_and_reported(desk: Desk) -> None:
    await desk.issue(desk.file(learners(9)))
    log, folder, report = f"{desk.stack.urls['registry']}/log", desk.folder / "export", desk.folder / "report.csv"
    code, out, _ = await desk.run("log", "reconcile", "--settle", "60", "--json")
    counts = json.loads(out)["counts"]
    assert (code, json.loads(out)["violations"]) == (0, 0)
    assert min(counts["registry: leaf"], counts["registry: checkpoint"], counts["issuer: change"]) > 0
    for command in (["audit", log], ["export", str(folder), "--log", log], ["audit", str(folder), "--json"]):
        code, out, errors = await desk.run("log", *command)
        assert code == 0, out + errors
    assert json.loads(out)["size"] == counts["registry: leaf"] > 9
    code, _, errors = await desk.run("log", "report", "--format", "csv", "--out", str(report))
    assert code == 0, errors
    for where in (log, str(folder)):
        code, out, errors = await desk.run("log", "check-report", str(report), where, "--json")
        assert code == 0, errors
        assert json.loads(out)["logs"][0]["opened"] > 9
