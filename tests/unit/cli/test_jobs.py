"""`laurel jobs` and `laurel issue --job` say how a job stands and what is to be done; who sits there is asked."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cli import patience
from cli.jobs import following
from cli.jobs.bars import standing
from tests.unit.cli.answering import Asked, Services, problem
from tests.unit.cli.job_issuer import ACHIEVEMENT, PATH, Issuer, a_job

FILE = "email,name,Grade\nada@example.org,Ada,1\nbob@example.org,bad,2\n"


@pytest.fixture
def issuer(answers: Services) -> Issuer:
    return Issuer(answers)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(following, "PAUSE", 0.0)


def waiting(issuer: Issuer, **query: str) -> str:
    """Send a file that waits to be confirmed; return the job's id."""
    asked = Asked("POST", PATH, {"auto_confirm": ["false"]}, {"Authorization": "Bearer institution-key"}, FILE.encode())
    return str(issuer.make(asked)[1]["id"])


def typed(answers: Services, arguments: Sequence[str], text: str) -> tuple[int, str]:
    """Run `laurel` on a terminal where somebody types; return exit code and all that is seen there."""
    here, there = pty.openpty()
    environment = {**os.environ, **answers.environment, "TERM": "xterm"}
    command = [sys.executable, "-m", "cli", *arguments]
    process = subprocess.Popen(command, env=environment, stdin=there, stdout=there, stderr=there)
    os.close(there)
    os.write(here, text.encode())
    seen = b""
    with suppress(OSError):  # which a terminal gives whose program has ended
        while piece := os.read(here, 10_000):
            seen += piece
    os.close(here)
    return process.wait(60), seen.decode()


@pytest.mark.parametrize(("answer", "code", "state", "badges"), [("y", 1, "done", 1), ("n", 1, "cancelled", 0)])
def test_on_a_terminal_the_preview_is_shown_and_somebody_is_asked(
    answers: Services, issuer: Issuer, tmp_path: Path, answer: str, code: int, state: str, badges: int
) -> None:
    (tmp_path / "class.csv").write_text(FILE)
    done, seen = typed(answers, ["issue", str(tmp_path / "class.csv"), "--achievement", ACHIEVEMENT], f"{answer}\n")
    assert (done, issuer.job["state"], len(issuer.badges)) == (code, state, badges), seen
    assert answers.asked[0].query["auto_confirm"] == ["false"]
    for told in (
        "Columns: email -> email",
        "Not read: Grade",
        "row 2  Ada, ada@example.org  until 2027-01-31",
        "row 3",
    ):
        assert told in seen
    assert "1 would be issued, 1 failed. Issue them? [y/N]" in seen
    assert issuer.job["id"] in seen


def test_yes_asks_nobody_on_a_terminal(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "class.csv").write_text(FILE)
    issuer.tells = False
    issuer.looks = [
        a_job(state=state, phase=state, rows=2, valid=1, rate=0.5, progress=0.5) for state in ("linting", "running")
    ]
    done, seen = typed(answers, ["issue", str(tmp_path / "class.csv"), "--achievement", ACHIEVEMENT, "--yes"], "")
    assert (done, len(issuer.badges)) == (1, 1)
    assert "Issue them?" not in seen
    assert "checking" in seen
    assert "issuing" in seen


def test_a_job_is_followed_again_and_confirmed_only_by_somebodys_word(answers: Services, issuer: Issuer) -> None:
    job = waiting(issuer)
    refused = answers.run("issue", "--job", job)
    assert (refused.exit_code, issuer.badges) == (2, {})
    assert "waits to be confirmed" in refused.stderr
    done = answers.run("issue", "--job", job, "--yes")
    assert (done.exit_code, "1 issued, 1 failed." in done.stdout) == (1, True)
    assert answers.run("issue", "--job", job).stdout == done.stdout.split("Errors: 1 invalid_row\n")[1]


def test_a_file_that_somebody_else_confirms_is_sent_and_shown(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    (tmp_path / "class.csv").write_text(FILE.replace("bad", "Bob"))
    result = answers.run("issue", str(tmp_path / "class.csv"), "--achievement", ACHIEVEMENT, "--confirm-later")
    assert (result.exit_code, issuer.badges, issuer.job["state"]) == (0, {}, "preview")
    assert f"2 would be issued, 0 failed. 'laurel jobs confirm {issuer.job['id']}' has them issued." in result.stdout


def test_a_second_key_that_is_wanted_is_told_of(answers: Services, issuer: Issuer) -> None:
    job = waiting(issuer)
    answers.answer(f"POST {PATH}/{job}/confirm", problem(403, "second_key_needed", "Another key must confirm."))
    refused = answers.run("issue", "--job", job, "--yes")
    assert (refused.exit_code, "Another key must confirm." in refused.stderr) == (2, True)
    assert "laurel jobs confirm" in refused.stderr


@pytest.mark.parametrize(
    ("members", "code", "told"),
    [
        ({"state": "paused", "reason": "No key."}, 2, "The job is paused: No key. 'laurel jobs resume"),
        ({"state": "failed", "reason": "The upload broke off."}, 2, "The job failed: The upload broke off."),
        ({"state": "cancelled", "issued": 7}, 1, "The job was cancelled. 7 issued, 0 failed."),
        ({"state": "done", "issued": 7}, 0, "7 issued, 0 failed."),
    ],
)
def test_what_has_stopped_says_why(answers: Services, members: dict[str, Any], code: int, told: str) -> None:
    job = a_job(**members)
    answers.answer(f"GET {PATH}/{job['id']}", job)
    result = answers.run("issue", "--job", job["id"])
    assert (result.exit_code, told in result.stdout + result.stderr) == (code, True)


@pytest.mark.parametrize(
    ("command", "state"), [("confirm", "done"), ("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")]
)
def test_a_job_is_told_what_to_do(answers: Services, issuer: Issuer, command: str, state: str) -> None:
    job = waiting(issuer)
    assert answers.run("jobs", command, job).stdout.startswith(f"{state.upper()}, job {job}.")
    assert json.loads(answers.run("jobs", command, job, "--json").stdout)["state"] == state
    assert answers.asked[-1].key == "institution-key"


def test_jobs_are_listed_and_shown(answers: Services, issuer: Issuer) -> None:
    first, second = waiting(issuer), waiting(issuer)
    listed = answers.run("jobs", "list", "--state", "preview", "--limit", "1")
    assert (listed.exit_code, listed.stdout.count("\n"), first in listed.stdout) == (0, 1, True)
    assert answers.asked[-1].query["state"] == ["preview"]
    assert len(json.loads(answers.run("jobs", "list", "--json").stdout)) == 2
    shown = answers.run("jobs", "show", second).stdout
    for told in (f"PREVIEW, job {second}", "1 would be issued, 1 failed.", "created  by key k1", "For example:"):
        assert told in shown
    assert json.loads(answers.run("jobs", "show", second, "--json").stdout)["id"] == second
    assert answers.run("jobs", "show", "x").exit_code == 2


def test_the_rows_that_failed_are_printed_or_written(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    job, out = waiting(issuer), tmp_path / "failed.csv"
    printed = answers.run("jobs", "errors", job)
    assert printed.stdout.startswith("\ufeffemail,name,Grade,row,column,code,error")
    assert answers.run("jobs", "errors", job, "--out", str(out)).stdout == ""
    assert out.read_text() == printed.stdout
    assert out.stat().st_mode & 0o077 == 0, "it names people"


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"phase": "reading", "rows": 1200}, (1200, None, "1,200 rows")),
        ({"phase": "linting", "rows": 1200, "progress": 0.5}, (600, 1200, "600 of 1,200 rows")),
        (
            {"phase": "running", "rows": 1200, "valid": 1000, "progress": 0.1, "rate": 10.0},
            (100, 1000, "100 of 1,000 rows, 10/s, 0:01:30 left"),
        ),
    ],
)
def test_a_bar_tells_rows_rate_and_time_left(members: dict[str, Any], told: tuple[int, int | None, str]) -> None:
    assert standing(a_job(**members)) == told
