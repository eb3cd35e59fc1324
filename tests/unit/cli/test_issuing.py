"""`laurel issue` sends a file, follows what the issuer does with it, and says how to go on where it stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cli import patience
from cli.jobs import following
from tests.unit.cli.answering import Asked, Services, problem
from tests.unit.cli.job_issuer import ACHIEVEMENT, PATH, Issuer


@pytest.fixture
def issuer(answers: Services) -> Issuer:
    return Issuer(answers)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(following, "PAUSE", 0.0)


def a_file(folder: Path, count: int, **changed: str) -> str:
    path = folder / "class.csv"
    names = [changed.get(f"n{number}", f"Learner {number}") for number in range(count)]
    lines = [f"learner{number}@example.org,{name}" for number, name in enumerate(names)]
    path.write_text("\n".join(["email,name", *lines]) + "\n")
    return str(path)


def issue(answers: Services, *arguments: str, **given: Any) -> Any:
    return answers.run("issue", *arguments, "--achievement", ACHIEVEMENT, **given)


def sent(answers: Services) -> list[Asked]:
    """The files that were sent."""
    return [each for each in answers.asked if (each.method, each.path) == ("POST", PATH)]


def told_to(answers: Services) -> list[str]:
    """What jobs were told to do."""
    return [each.path.rpartition("/")[2] for each in answers.asked if each.method == "POST" and each.path != PATH]


def test_a_file_is_sent_as_it_is_and_a_second_time_issues_nothing(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    file = a_file(tmp_path, 4500)
    first = issue(answers, file)
    assert (first.exit_code, first.stdout, first.stderr) == (0, "4500 issued, 0 failed.\n", "")
    [asked] = sent(answers)
    assert asked.raw == Path(file).read_bytes()
    assert asked.headers["Content-Type"] == "text/csv"
    assert asked.query == {"achievement_id": [ACHIEVEMENT], "name": ["class.csv"], "auto_confirm": ["true"]}
    again = issue(answers, file)
    assert (again.exit_code, again.stdout) == (0, "0 issued, 4500 had been issued before, 0 failed.\n")


def test_failed_rows_are_told_by_row_and_column_and_written_to_be_mended(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    file, failures = a_file(tmp_path, 5, n1="bad", n3="bad"), tmp_path / "failed.csv"
    result = issue(answers, file, "--errors", str(failures))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "3 issued, 2 failed.",
        '  row 3, name: is bad\\x1b[31m,\\u2028 and "odd" (invalid_row)',
        '  row 5, name: is bad\\x1b[31m,\\u2028 and "odd" (invalid_row)',
        f"The rows that failed are in {failures}: mend them there and send that file.",
    ], "nothing of it drives the terminal"
    assert failures.stat().st_mode & 0o077 == 0, "it names people"
    failures.write_text(failures.read_text().replace(",bad,", ",Good,"))
    mended = issue(answers, str(failures), "--errors", str(failures))
    assert (mended.exit_code, mended.stdout) == (0, "2 issued, 0 failed.\n")
    assert len(issuer.badges) == 5


def test_many_failures_are_told_in_part(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    lines = issue(answers, a_file(tmp_path, 70, **{f"n{n}": "bad" for n in range(60)})).stdout.splitlines()
    assert (len(lines), lines[-1]) == (52, "  ... and 10 more; --errors FILE writes them all")


def test_a_dry_run_checks_every_row_and_cancels_the_job(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    result = issue(answers, a_file(tmp_path, 3, n1="bad"), "--dry-run")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "Columns: email -> email, name -> name"
    assert "2 would be issued, 1 failed." in result.stdout
    assert "Not read: Grade" in result.stdout
    assert (issuer.badges, issuer.job["state"], told_to(answers)) == ({}, "cancelled", ["cancel"])
    issue(answers, a_file(tmp_path, 3))
    again = issue(answers, a_file(tmp_path, 3), "--dry-run")
    assert (again.exit_code, "0 would be issued, 3 had been issued before" in again.stdout) == (0, True)


def test_a_row_with_more_cells_than_the_header_is_told_like_any_other(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    file = tmp_path / "class.csv"
    file.write_text("email,name\na@example.org,bad,more,cells\n")
    result = issue(answers, str(file))
    assert (result.exit_code, "  row 2, name: is bad" in result.stdout) == (1, True), result.stdout


def test_a_row_that_says_what_an_earlier_one_says_is_not_counted_as_a_badge(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    file = tmp_path / "class.csv"
    file.write_text("email,name\na@example.org,Ada\na@example.org,Ada\n")
    told = issue(answers, str(file), "--dry-run").stdout
    assert "1 would be issued, 1 say what an earlier row says, 0 failed." in told


def test_a_time_that_is_over_holds_nothing_and_is_refused(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    result = issue(answers, a_file(tmp_path, 1), "--release-at", "2020-01-01")
    assert (result.exit_code, "is over" in result.stderr, sent(answers)) == (2, True, [])


def test_what_is_refused_about_columns_is_told_in_the_words_of_the_command(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    wrong = issue(answers, a_file(tmp_path, 1), "--mapping", "Class")
    assert (wrong.exit_code, "--mapping takes COLUMN:WHAT" in wrong.stderr, sent(answers)) == (2, True, [])
    issuer.refusals = [problem(422, "columns_unknown", "The column 'Class' is not known.")]
    refused = issue(answers, a_file(tmp_path, 1))
    assert (refused.exit_code, "--mapping COLUMN: leaves a column out" in refused.stderr) == (2, True)


def test_passing_troubles_are_waited_out_and_the_file_is_sent_whole_again(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    issuer.refusals = [problem(503, "busy", "Busy.", 0), problem(409, "request_in_progress", "Soon.", 0)]
    file = a_file(tmp_path, 9000)
    assert issue(answers, file).exit_code == 0
    assert [each.raw for each in sent(answers)] == [Path(file).read_bytes()] * 3
    assert len({each.headers["Idempotency-Key"] for each in sent(answers)}) == 1


def test_a_job_is_asked_for_where_no_events_come(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    issuer.tells = False
    issuer.looks = [{"state": "linting"}, {"state": "running"}, {"state": "running"}]
    assert issue(answers, a_file(tmp_path, 3)).stdout == "3 issued, 0 failed.\n"
    assert issuer.looks == []


def test_an_issuer_that_falls_silent_leaves_a_job_to_go_on_with(
    answers: Services, issuer: Issuer, tmp_path: Path
) -> None:
    def make(asked: Asked) -> Any:
        answer = issuer.make(asked)
        answers.answer(f"GET {PATH}/{answer[1]['id']}", problem(503, "busy", "Busy.", 0))
        return answer

    answers.answer(f"POST {PATH}", make)
    stopped = issue(answers, a_file(tmp_path, 3), "--json")
    assert (stopped.exit_code, stopped.stdout) == (2, "")
    assert f"'laurel issue --job {issuer.job['id']}' goes on with it" in stopped.stderr


def test_json_tells_of_the_job_and_of_every_row_that_failed(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    told = json.loads(issue(answers, a_file(tmp_path, 2, n1="bad"), "--json").stdout)
    assert told == {
        "job_id": issuer.job["id"],
        "state": "done",
        "issued": 1,
        "already_issued": 0,
        "failed": 1,
        "valid": 0,
        "dry_run": False,
        "rows": [
            {
                "row": 3,
                "status": "error",
                "column": "name",
                "code": "invalid_row",
                "error": 'is bad\x1b[31m,\u2028 and "odd"',
            }
        ],
    }
    told = json.loads(issue(answers, a_file(tmp_path, 3), "--dry-run", "--json").stdout)
    assert (told["valid"], told["already_issued"], told["issued"], told["dry_run"]) == (2, 1, 0, True)


@pytest.mark.parametrize(
    ("window", "asked", "until"),
    [
        (("--undo", "30m"), ("undo_seconds", "1800"), "2026-11-26T10:30:00Z"),
        (("--release-at", "2099-01-31T08:00:00Z"), ("release_at", "2099-01-31T08:00:00Z"), "2099-01-31T08:00:00Z"),
    ],
)
def test_badges_are_held_for_a_while_where_that_is_wanted(
    answers: Services, issuer: Issuer, tmp_path: Path, window: tuple[str, str], asked: tuple[str, str], until: str
) -> None:
    result = issue(answers, a_file(tmp_path, 3), *window)
    [said] = sent(answers)[0].query[asked[0]]
    assert said.replace("+00:00", "Z") == asked[1]
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"Held until {until[:10]} {until[11:19]} UTC, and issued then. 3 would be issued, 0 failed.",
        f"'laurel jobs cancel {issuer.job['id']}' before that leaves nothing of them.",
    ]


@pytest.mark.parametrize(
    ("name", "text", "media_type"),
    [
        ("class.jsonl", b'{"email": "a@example.org"}\n', "application/jsonl"),
        ("class.txt", b'\xef\xbb\xbf \n{"email": "a@example.org"}\n', "application/jsonl"),
        ("class.txt", b"email\na@example.org\n", "text/csv"),
    ],
)
def test_json_lines_are_told_by_name_or_first_character(
    answers: Services, tmp_path: Path, name: str, text: bytes, media_type: str
) -> None:
    answers.answer(f"POST {PATH}", problem(400, "enough", "Enough seen."))
    (tmp_path / name).write_bytes(text)
    issue(answers, str(tmp_path / name))
    issue(answers, "-", stdin=text)
    for asked in answers.asked:
        assert asked.raw == text
    assert answers.asked[0].headers["Content-Type"] == media_type


def test_a_file_may_come_from_standard_input_and_is_sent_once(answers: Services, issuer: Issuer) -> None:
    assert issue(answers, "-", stdin="email,name\nada@example.org,Ada\n").exit_code == 0
    assert "name" not in sent(answers)[0].query
    issuer.refusals = [problem(503, "busy", "Busy.", 0)]
    refused = issue(answers, "-", stdin="email,name\nada@example.org,Ada\n")
    assert (refused.exit_code, len(sent(answers))) == (2, 2), "what was read from a pipe can't be read again"


def test_formats_and_mapping_are_said_to_the_issuer(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    assert (
        issue(answers, a_file(tmp_path, 1), *FORMATS, "--mapping", "Mail:email", "--mapping", "Grade:").exit_code == 0
    )
    query = sent(answers)[0].query
    assert (query["format"], query["mapping"]) == (["eddsa-rdfc-2022", "vc+jwt"], ["Mail:email", "Grade:"])


def test_an_achievement_may_be_named_and_must_be_one(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    listed = [{"id": ACHIEVEMENT, "content": {"name": "One"}}, *[{"id": n, "content": {"name": "Two"}} for n in "xy"]]
    pages = {None: {"items": listed[:2], "next": "c"}, "c": {"items": listed[2:], "next": None}}
    answers.answer("GET /issuer/v1/achievements", lambda asked: pages[asked.query.get("cursor", [None])[0]])
    file = a_file(tmp_path, 1)
    assert answers.run("issue", file, "--achievement", "One").exit_code == 0
    assert sent(answers)[-1].query["achievement_id"] == [ACHIEVEMENT]
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
        (["x.csv", "--job", ACHIEVEMENT], "either a file"),
        (["--to", "a@example.org", "--dry-run"], "it is no file"),
        (["--to", "a@example.org", "--undo", "30m"], "it is no file"),
        (["x.csv", "--yes", "--dry-run"], "Say one of"),
        (["x.csv", "--name", "A"], "go with --to"),
        (["--job", ACHIEVEMENT, "--undo", "30m"], "can't be changed"),
        (["--job", "x"], "x is no job"),
        (["x.csv", "--undo", "soon"], "soon is no duration"),
        (["x.csv", "--undo", "1h", "--release-at", "2099-01-31T08:00:00Z"], "either --release-at or --undo"),
        (["nowhere.csv"], "nowhere.csv can't be read"),
    ],
)
def test_what_cannot_be_run_is_a_sentence_and_exit_code_2(answers: Services, arguments: list[str], told: str) -> None:
    result = issue(answers, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not answers.asked


def test_a_command_that_its_user_stops_says_how_to_go_on(answers: Services, issuer: Issuer, tmp_path: Path) -> None:
    reached, stopped = threading.Event(), threading.Event()

    def hang(asked: Asked) -> Any:
        reached.set()
        stopped.wait(60)
        return issuer.look(asked)

    def make(asked: Asked) -> Any:
        answer = issuer.make(asked)
        answers.answer(f"GET {PATH}/{issuer.job['id']}", hang)
        return answer

    answers.answer(f"POST {PATH}", make)
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
    job = issuer.job["id"]
    assert errors.strip() == f"'laurel issue --job {job}' goes on with it, 'laurel jobs cancel {job}' ends it."


FORMATS = ["--format", "eddsa-rdfc-2022", "--format", "vc+jwt"]


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
