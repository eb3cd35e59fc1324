"""A program's lock tells that it lives, and who it is, for as long as it or what it forked lives."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.embedded.installation import ROOT
from deploy.embedded.launch import describe, holder

# A shell that forks, tells so, and waits: the child outlives it when it alone is killed.
PROGRAM = ["sh", "-c", 'sleep 600 & echo "$GREETING" > greeting; wait']


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


def launch(home: Path) -> subprocess.Popen[bytes]:
    command = describe(home, "program", PROGRAM, {"GREETING": "hello"})
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=home, start_new_session=True, env=environment)
    await_true((home / "greeting").exists)
    return process


def await_true(predicate: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not predicate():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_program_holds_its_lock_under_its_own_process_id(home: Path) -> None:
    assert holder(home, "program") is None
    process = launch(home)
    assert holder(home, "program") == process.pid
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    await_true(lambda: holder(home, "program") is None)
    assert (home / "greeting").read_text() == "hello\n"


def test_a_forked_child_holds_the_lock_of_a_killed_program(home: Path) -> None:
    process = launch(home)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    left = holder(home, "program")
    os.killpg(process.pid, signal.SIGKILL)
    assert left == process.pid
    await_true(lambda: holder(home, "program") is None)


def test_a_program_does_not_start_twice(home: Path) -> None:
    process = launch(home)
    second = subprocess.run(
        [sys.executable, "-m", "deploy.embedded.launch", str(home), "program"],
        capture_output=True,
        text=True,
        check=False,
    )
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    assert second.returncode != 0
    assert f"runs already (process {process.pid})" in second.stderr


def test_a_stale_file_with_a_strangers_process_id_names_nobody(home: Path) -> None:
    (home / "run" / "program.pid").write_text(f"{os.getpid()}\n")
    assert holder(home, "program") is None
