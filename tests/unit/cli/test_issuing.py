"""`laurel issue` sends rows in bounded batches, tells what became of each, and says how to go on where it stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cli import patience, rows, sending
from cli.rows import Row
from tests.unit.cli.answering import Asked, Services, problem

ACHIEVEMENT = "6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d"
BATCH = "POST /issuer/v1/credentials/batch"


class Issuer:
    """Answers batches as the issuer does: a row's key is issued once, other content under it is refused."""

    def __init__(self, services: Services) -> None:
        self.made: dict[str, dict[str, Any]] = {}
        self.batches: list[int] = []
        self.refusals: list[Any] = []
        services.answer(BATCH, self.batch)

    def batch(self, asked: Asked) -> Any:
        assert asked.key == "institution-key"
        if self.refusals and (refusal := self.refusals.pop(0)):
            return refusal
        self.batches.append(len(asked.body["recipients"]))
        dry = asked.body["dry_run"]
        return {"results": [self.row(index, row, dry) for index, row in enumerate(asked.body["recipients"])]}

    def row(self, index: int, row: dict[str, Any], dry: bool) -> dict[str, Any]:
        before = self.made.get(row["idempotency_key"])
        if before and before != row:
            return {"index": index, "status": "error", "error": {"code": "idempotency_key_reused", "detail": "x"}}
        if row.get("name") == "bad":
            error = {"code": "invalid_row", "detail": "name: Value error, is bad\x1b[31m"}
            return {"index": index, "status": "error", "error": error}
        if before:
            return {"index": index, "status": "issued", "id": "i", "already_issued": True}
        if dry:
            return {"index": index, "status": "valid"}
        self.made[row["idempotency_key"]] = row
        return {"index": index, "status": "issued", "id": "i"}


@pytest.fixture
def issuer(answers: Services) -> Issuer:
    return Issuer(answers)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0.0, 0.0))


def a_file(folder: Path, count: int, **changed: str) -> str:
    path = folder / "class.csv"
    names = [changed.get(f"n{number}", f"Learner {number}") for number in range(count)]
    lines = [f"learner{number}@example.org,{name}" for number, name in enumerate(names)]
    path.write_text("\n".join(["email,name", *lines]) + "\n")
    return str(path)


def issue(answers: Services, *arguments: str) -> Any:
    return answers.run("issue", *arguments, "--achievement", ACHIEVEMENT)


def test_a_file_goes_in_batches_of_at_most_200_rows_and_again_issues_nothing(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    file = a_file(tmp_path, 450)
    first = issue(answers, file)
    assert (first.exit_code, first.stdout) == (0, "450 issued, 0 failed.\n")
    assert issuer.batches == [200, 200, 50]
    again = issue(answers, file)
    assert (again.exit_code, again.stdout) == (0, "0 issued, 450 had been issued before, 0 failed.\n")


def test_large_rows_make_smaller_batches() -> None:
    orders = [(Row(number, {}), {"id": "did:x:" + "ü" * 1900}) for number in range(300)]
    found = list(sending.chunks(orders))
    assert sum(map(len, found)) == 300
    assert max(len(json.dumps([order for _, order in each], ensure_ascii=False).encode()) for each in found) < 600_000


def test_failed_rows_are_told_by_row_and_column_and_written_to_be_mended(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    file, failures = a_file(tmp_path, 5, n1="bad", n3="C" * 201), tmp_path / "failed.csv"
    result = issue(answers, file, "--errors", str(failures))
    assert result.exit_code == 1
    assert "3 issued, 2 failed." in result.stdout
    assert "row 3, name: is bad\\x1b[31m (invalid_row)" in result.stdout, "nothing of it drives the terminal"
    assert "row 5, name: At most 200 characters" in result.stdout
    assert failures.stat().st_mode & 0o077 == 0, "it names people"
    failures.write_text(failures.read_text().replace("bad", "Good", 1).replace("C" * 201, "C"))
    mended = issue(answers, str(failures), "--errors", str(failures))
    assert (mended.exit_code, mended.stdout) == (0, "2 issued, 0 failed.\n")
    assert len(issuer.made) == 5


def test_a_mended_file_sent_again_doubles_nobody_and_a_changed_row_is_refused(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    issue(answers, a_file(tmp_path, 300))
    result = issue(answers, a_file(tmp_path, 301, n7="Another Name"))
    assert result.exit_code == 1
    assert "1 issued, 299 had been issued before, 1 failed." in result.stdout
    assert "row 9: In the last 7 days this learner got this badge with other details" in result.stdout
    assert len(issuer.made) == 301


def test_a_dry_run_issues_nothing(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    result = issue(answers, a_file(tmp_path, 3, n1="bad"), "--dry-run")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, "2 would be issued, 1 failed.")
    assert issuer.made == {}
    issue(answers, a_file(tmp_path, 3))
    assert "0 would be issued, 3 had been issued before" in issue(answers, a_file(tmp_path, 3), "--dry-run").stdout


def test_passing_troubles_are_waited_out(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    issuer.refusals = [problem(503, "busy", "Busy.", 0), problem(409, "request_in_progress", "Soon.", 0), None]
    assert issue(answers, a_file(tmp_path, 3)).exit_code == 0


def test_what_ends_half_way_says_how_far_it_came_and_goes_on_when_run_again(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    issuer.refusals = [None, *[problem(503, "busy", "Busy.", 0)] * 3]
    file = a_file(tmp_path, 300)
    stopped = issue(answers, file, "--json")
    assert stopped.exit_code == 2
    assert "200 of 300 rows have an answer; the same command again goes on" in stopped.stderr
    assert json.loads(stopped.stdout)["issued"] == 200
    again = json.loads(issue(answers, file, "--json").stdout)
    assert (again["issued"], again["already_issued"], again["failed"]) == (100, 200, 0)


def test_json_tells_of_every_row(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    told = json.loads(issue(answers, a_file(tmp_path, 2, n1="bad"), "--json").stdout)
    assert told["rows"] == [
        {"row": 2, "status": "issued", "id": "i"},
        {"row": 3, "status": "error", "column": "name", "code": "invalid_row", "error": "is bad\x1b[31m"},
    ]


def test_an_achievement_may_be_named_and_must_be_one(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    listed = [{"id": ACHIEVEMENT, "content": {"name": "One"}}, *[{"id": n, "content": {"name": "Two"}} for n in "xy"]]
    pages = {None: {"items": listed[:2], "next": "c"}, "c": {"items": listed[2:], "next": None}}
    answers.answer("GET /issuer/v1/achievements", lambda asked: pages[asked.query.get("cursor", [None])[0]])
    file = a_file(tmp_path, 1)
    assert answers.run("issue", file, "--achievement", "One").exit_code == 0
    assert answers.asked[-1].body["achievement_id"] == ACHIEVEMENT
    address = f"https://badges.example/achievements/{ACHIEVEMENT}/1"
    assert answers.run("issue", file, "--achievement", address).exit_code == 0
    for name, told in (("Two", "Several"), ("Three", "Three is no achievement"), ("", "Which achievement?")):
        refused = answers.run("issue", file, "--achievement", name)
        assert (refused.exit_code, told in refused.stderr) == (2, True)


def test_one_badge_is_issued_and_written(answers: Services, tmp_path: Path) -> None:
    made = {"id": "i", "credential": {"name": "First Aid"}, "links": {"badge": "https://b.example/credentials/i"}}
    answers.answer("POST /issuer/v1/credentials", made)
    out = tmp_path / "badge.json"
    result = issue(answers, "--to", "ada@example.org", "--name", "Ada", "--out", str(out))
    assert result.exit_code == 0
    assert "https://b.example/credentials/i" in result.stdout
    assert json.loads(out.read_text()) == made["credential"]
    [asked] = answers.asked
    assert asked.body["recipient"] == {"email": "ada@example.org", "name": "Ada"}
    assert asked.headers["Idempotency-Key"]
    issue(answers, "--to", "ada@example.org")
    assert answers.asked[-1].headers["Idempotency-Key"] != asked.headers["Idempotency-Key"], "asked for another"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "either a file"),
        (["x.csv", "--to", "a@example.org"], "either a file"),
        (["--to", "a@example.org", "--dry-run"], "are for files"),
        (["x.csv", "--name", "A"], "go with --to"),
        (["nowhere.csv"], "nowhere.csv can't be read"),
    ],
)
def test_what_cannot_be_run_is_a_sentence_and_exit_code_2(answers: Services, arguments: list[str], told: str) -> None:
    result = issue(answers, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not answers.asked


def test_a_file_may_come_from_standard_input(answers: Services, issuer: Issuer) -> None:
    result = answers.run("issue", "-", "--achievement", ACHIEVEMENT, stdin="email\nada@example.org\n")
    assert result.exit_code == 0
    assert issuer.batches == [1]


def test_a_huge_file_is_refused_before_it_is_read(answers: Services, tmp_path: Path) -> None:
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(rows.MAX_BYTES + 1)
    result = issue(answers, str(tmp_path / "huge.csv"))
    assert result.exit_code == 2
    assert "32 MiB" in result.stderr


def test_a_command_that_its_user_stops_says_how_to_go_on(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    reached, stopped = threading.Event(), threading.Event()

    def hang_at_the_second(asked: Asked) -> Any:
        if issuer.batches:
            reached.set()
            stopped.wait(60)
        return issuer.batch(asked)

    answers.answer(BATCH, hang_at_the_second)
    # A shell's background job, which we may be, ignores Ctrl-C, and so would its children.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "cli"]
    command += ["issue", a_file(tmp_path, 250), "--achievement", ACHIEVEMENT]
    pipe, environment = subprocess.PIPE, {**os.environ, **answers.environment}
    process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)
    assert reached.wait(60)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    stopped.set()
    assert (process.returncode, out) == (130, "")
    assert errors.strip() == "200 of 250 rows have an answer; the same command again goes on with the others."


FORMATS = ["--format", "eddsa-rdfc-2022", "--format", "vc+jwt"]


def test_formats_are_asked_for_with_every_batch_of_a_file(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    assert issue(answers, a_file(tmp_path, 201), *FORMATS).exit_code == 0
    assert issue(answers, a_file(tmp_path, 1)).exit_code == 0
    asked = [each.body.get("formats") for each in answers.asked]
    assert asked == [["eddsa-rdfc-2022", "vc+jwt"], ["eddsa-rdfc-2022", "vc+jwt"], None]


def test_one_badge_is_written_as_json_or_as_the_token_that_was_asked_for(answers: Services, tmp_path: Path) -> None:
    links = {"badge": "https://b.example/credentials/i", "achievement": "https://b.example/achievements/a/1"}
    made = {"id": "i", "credential": {"name": "Bridges"}, "token": "a.b.c", "links": links}
    answers.answer("POST /issuer/v1/credentials", (201, made))
    for name in ("badge.json", "badge.jwt"):
        done = issue(answers, "--to", "ada@example.org", "--out", str(tmp_path / name), *FORMATS)
        assert done.exit_code == 0, done.output
        assert answers.asked[-1].body["formats"] == ["eddsa-rdfc-2022", "vc+jwt"]
    assert json.loads((tmp_path / "badge.json").read_text()) == {"name": "Bridges"}
    assert (tmp_path / "badge.jwt").read_text() == "a.b.c\n"
    refused = issue(answers, "--to", "ada@example.org", "--out", str(tmp_path / "other.jwt"))
    assert (refused.exit_code, len(answers.asked)) == (2, 2)
    assert "--format" in str(refused.exception)
