"""`make up` and `make down`: a badge lives its life, a second run changes nothing, no process is left behind."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deploy.embedded.installation import PORTS, ROOT
from deploy.embedded.launch import holder
from tests.support.ports import is_free

# The machine may be busy: starting all of it takes 15 s on an idle one.
pytestmark = pytest.mark.timeout(900)
# Stands behind what each line of the README prints, before its exit code.
MARK = "<exit code> "
MEMBERS = {"urls", "institution_id", "institution_key", "employer_key", "operator_key", "achievement_id"}
OF_ALL_FORMATS = {"web_institution_id", "web_institution_key", "web_achievement_id"}


@dataclass
class Laurel:
    """An installation of a test's own; `run` is what `make` calls."""

    home: Path
    port: int
    broker: str = "embedded"

    def run(self, command: str, *, succeeds: bool = True, **environment: str) -> str:
        """Run up, down or status; return what it prints."""
        own = {"LAUREL_HOME": str(self.home), "PORT": str(self.port), "BROKER": self.broker, **environment}
        done = subprocess.run(
            [sys.executable, "-m", "deploy.embedded", command],
            cwd=ROOT,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def demo(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "demo.json").read_text())
        return found

    def process(self, name: str) -> int:
        """The process id of one of its programs."""
        found = holder(self.home, name)
        assert found is not None, f"{name} does not run"
        return found

    def processes(self) -> list[psutil.Process]:
        """Everything that runs: its programs and all that descends from them."""
        programs = [
            psutil.Process(pid) for path in self.home.glob("run/*.pid") if (pid := holder(self.home, path.stem))
        ]
        return [*programs, *(child for program in programs for child in program.children(recursive=True))]


def laurel(home: Path, broker: str = "embedded") -> Laurel:
    bases = (random.randrange(28_000, 31_990, 10) for _ in range(1000))
    port = next(base for base in bases if all(is_free(base + offset) for offset in range(len(PORTS))))
    return Laurel(home, port, broker)


@dataclass
class Line:
    """A line of the README that was run: its exit code, and what it printed."""

    text: str
    code: int
    printed: str


@dataclass
class Started:
    """An installation that is up, what `up` printed, demo.json and the README's lines before there was a demo."""

    own: Laurel
    printed: str
    bare: dict[str, Any]
    lines: list[Line]


def own_badge(own: Laurel, folder: Path) -> list[Line]:
    """Run the lines of README's "Your own badge in five minutes" in one shell, word for word.

    They run where `.venv` and `.laurel` are those of this checkout and of `own`; `make` where its Makefile is.
    """
    section = (ROOT / "README.md").read_text().partition("## Your own badge in five minutes")[2].partition("\n## ")[0]
    lines = [line.removeprefix("    ") for line in section.splitlines() if line.startswith("    ")]
    folder.mkdir()
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / ".laurel").symlink_to(own.home)
    script = "".join(
        f"cd '{ROOT if line.startswith('make ') else folder}'\n{line}\necho '{MARK}'$?\n" for line in lines if line
    )
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "LAUREL_"))
    }
    environment = {**inherited, "LAUREL_HOME": str(own.home), "PORT": str(own.port), "BROKER": own.broker}
    # One stream, so that what a line says stands before its mark.
    done = subprocess.run(
        ["bash"], input=script, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    printed = re.split(rf"{MARK}(\d+)\n", done.stdout)
    return [
        Line(text, int(code), said)
        for text, said, code in zip(filter(None, lines), printed[::2], printed[1::2], strict=False)
    ]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    own = laurel(tmp_path_factory.mktemp("laurel") / "home")
    try:
        assert "badge" not in own.run("up", DEMO="0")
        bare, lines = own.demo, own_badge(own, tmp_path_factory.mktemp("reader") / "checkout")
        yield Started(own, own.run("up"), bare, lines)
    finally:
        own.run("down")


@pytest.fixture
def running(started: Started) -> Laurel:
    return started.own


def demo_badge(own: Laurel) -> Any:
    """The demo's badge, as its owner has it."""
    demo = own.demo
    issued = httpx.get(
        f"{demo['urls']['issuer']}/v1/credentials/{demo['credential_id']}",
        headers={"Authorization": f"Bearer {demo['institution_key']}"},
    ).raise_for_status()
    return issued.json()["credential"]


def verdict(own: Laurel) -> tuple[str, str | None]:
    """What the verifier says of the demo's badge, as its owner would show it."""
    demo = own.demo
    report = httpx.post(
        f"{demo['urls']['verifier']}/v1/verifications",
        json={"credential": demo_badge(own)},
        headers={"Authorization": f"Bearer {demo['employer_key']}"},
        timeout=60,
    ).raise_for_status()
    return report.json()["verdict"], report.json()["reason"]


def test_up_walks_a_badge_through_its_life_and_leaves_a_valid_one(started: Started, running: Laurel) -> None:
    steps = [
        started.printed.index(step) for step in ("issues the badge", ": VALID.", "revokes it", "NOT VALID (revoked)")
    ]
    assert steps == sorted(steps)
    assert set(running.demo) == {*MEMBERS, *OF_ALL_FORMATS, "credential_id"}
    assert set(running.demo["urls"]) == {"console", "issuer", "registry", "verifier", "notifier"}
    assert verdict(running) == ("valid", None)
    for url in running.demo["urls"].values():
        assert httpx.get(f"{url}/readyz").is_success
    assert running.demo["credential_id"] in httpx.get(running.demo["urls"]["console"]).text
    assert list((running.home / "mail").iterdir())


def test_up_ends_with_the_way_of_its_badge_and_says_where_the_key_to_it_is(started: Started, running: Laurel) -> None:
    urls, badge = running.demo["urls"], running.demo["credential_id"]
    way = f"{urls['console']}/ops/trace?badge={badge}"
    *before, key, last = started.printed.strip().splitlines()
    assert last.endswith(way)
    assert key.endswith(f"{running.home / 'keys' / 'operator'}.")
    for url in (f"{urls['registry']}/credentials/{badge}", f"{urls['verifier']}/", f"{urls['console']}/"):
        assert any(line.endswith(f" {url}") for line in before)
    assert "/ops/login" in httpx.get(way).headers["location"]
    headers = {"Authorization": f"Bearer {running.demo['operator_key']}"}
    told = httpx.get(f"{urls['console']}/v1/traces/{badge}", headers=headers).raise_for_status().json()
    issued = next(each for each in told["traces"] if each["title"] == "Issued")
    assert {each["service"] for each in issued["spans"]} == {"issuer", "registry", "verifier", "notifier"}


def test_every_line_of_the_readme_does_what_it_says(started: Started) -> None:
    told = "".join(f"$ {line.text}\n{line.printed}[{line.code}]\n" for line in started.lines)
    assert [line.code for line in started.lines] == [0, 0, 0, 0, 0, 0, 1], told
    up, _, institution, achievement, issue, verify, revoke = (line.printed for line in started.lines)
    assert "nothing was changed" in up
    assert "My College is registered, as a sandbox." in institution
    assert "lrl_" not in told, "the key is in its file alone"
    assert "Published: First Aid at Work" in achievement
    assert "It states all that is recommended" in achievement
    assert issue.startswith("Issued: DEMO First Aid at Work\n")
    assert verify.startswith("VALID\n")
    assert "My College, registered here" in verify
    assert re.match(r"Revoked: \S+, now at version 2.\nNOT VALID \(revoked\)\n", revoke)


def test_what_up_makes_is_closed_to_other_users(running: Laurel) -> None:
    assert running.home.stat().st_mode & 0o777 == 0o700
    for secret in ("demo.json", "keys/operator", "keys/sealing", "run/issuer.json"):
        assert (running.home / secret).stat().st_mode & 0o077 == 0


def test_a_second_up_changes_nothing(running: Laurel) -> None:
    before = running.demo, {name: running.process(name) for name in ("supervisord", "postgres", "issuer", "console")}
    assert "nothing was changed" in running.run("up")
    assert before == (
        running.demo,
        {name: running.process(name) for name in ("supervisord", "postgres", "issuer", "console")},
    )


def test_an_installation_keeps_its_ports_and_its_log(running: Laurel) -> None:
    assert f"was made with PORT={running.port}" in running.run("up", succeeds=False, PORT="7000")
    assert "BROKER=embedded" in running.run("up", succeeds=False, BROKER="kafka")


def test_another_installation_is_told_that_the_ports_are_taken(running: Laurel, tmp_path: Path) -> None:
    printed = Laurel(tmp_path / "other", running.port).run("up", succeeds=False)
    assert f"{running.port} (console)" in printed
    assert "make up PORT=" in printed
    assert not list((tmp_path / "other").glob("keys/*"))


def test_a_killed_service_comes_back(running: Laurel) -> None:
    killed = running.process("verifier")
    workers = psutil.Process(killed).children(recursive=True)
    os.kill(killed, signal.SIGKILL)
    running.run("up")  # it waits until all of it is ready
    assert running.process("verifier") != killed
    assert not psutil.wait_procs(workers, 60)[1]
    assert verdict(running) == ("valid", None)


def test_sandboxes_are_removed_by_one_command_and_the_demo_stays_away_until_it_is_asked_for(running: Laurel) -> None:
    demo, badge = running.demo, demo_badge(running)
    with httpx.Client(headers={"Authorization": f"Bearer {demo['operator_key']}"}) as operator:
        made = operator.post(f"{demo['urls']['issuer']}/v1/institutions", json={"name": "Real", "slug": "real"}).json()
    code, printed = laurel_command(running, "sandbox", "remove", "--yes")
    assert code == 0, printed
    # Those of the demo and of the README.
    assert re.search(r"institutions withdrawn +3\n +their API keys revoked +3\n", printed)
    assert re.search(r"employers' API keys revoked +1\n", printed)
    assert set(running.demo) == {"urls", "operator_key", "demo_removed"}
    (running.home / "removed.json").write_text(json.dumps(badge))
    code, printed = laurel_command(running, "verify", str(running.home / "removed.json"), "--fresh")
    assert (code, printed.splitlines()[0]) == (1, "NOT VALID (revoked)")
    code, printed = laurel_command(running, "status", badge["id"])
    assert (code, printed.splitlines()[0]) == (0, "REVOKED, version 2"), "the record stays"
    for key, status in ((demo["institution_key"], 401), (made["api_key"], 200)):
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{demo['urls']['issuer']}/v1/credentials", headers=headers).status_code == status
    code, printed = laurel_command(running, "ledger-check", "--settle", "60")
    assert code == 0, printed
    assert "nothing was changed" in running.run("up")
    assert "NOT VALID (revoked)" in running.run("up", DEMO="1")
    assert verdict(running) == ("valid", None)


def laurel_command(own: Laurel, *arguments: str) -> tuple[int, str]:
    """Run `laurel` on an installation; return its exit code and what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAUREL_")}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={**environment, "LAUREL_HOME": str(own.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_down_leaves_no_process_even_behind_a_killed_process_manager(running: Laurel) -> None:
    processes = running.processes()
    assert len(processes) > 7
    os.kill(running.process("supervisord"), signal.SIGKILL)
    assert "Stopped: console, issuer, notifier, postgres, registry, verifier" in running.run("down")
    assert not psutil.wait_procs(processes, 60)[1]
    assert "Nothing was running" in running.run("down")
    assert "does not run" in running.run("status", succeeds=False)
    running.run("up")
    assert verdict(running) == ("valid", None)
    processes = running.processes()
    running.run("down")
    assert not psutil.wait_procs(processes, 60)[1]


def test_up_on_kafka_does_the_same(tmp_path: Path) -> None:
    own = laurel(tmp_path / "home", "kafka")
    try:
        assert "NOT VALID (revoked)" in own.run("up")
        assert "nothing was changed" in own.run("up")
        assert verdict(own) == ("valid", None)
    finally:
        processes = own.processes()
        own.run("down")
    assert not psutil.wait_procs(processes, 60)[1]


def test_without_the_demo_there_are_addresses_alone(started: Started) -> None:
    assert set(started.bare) == {"urls", "operator_key"}
    assert started.bare.items() <= started.own.demo.items()
