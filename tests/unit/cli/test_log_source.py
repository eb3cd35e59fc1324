"""A log behind an address: what fails for a moment is asked again, what has no end is not read to it."""

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.log import source
from tests.support.log_folders import LogFolder, some_entries
from tests.unit.cli.answering import Services


class Server(ThreadingHTTPServer):
    """Serves a folder's files, some of them badly."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.asked: Counter[str] = Counter()
        self.refuses: Counter[str] = Counter()  # how often a path is still answered with 503
        self.endless: set[str] = set()
        self.cookies: list[str] = []
        self.sent_cookies: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/log"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:  # the base class's name
        path = self.path.removeprefix("/log/")
        self.server.asked[path] += 1
        self.server.sent_cookies.append(self.headers["Cookie"])
        if self.server.refuses[path] > 0:
            self.server.refuses[path] -= 1
            self.send_error(503)
        elif path in self.server.endless:
            self._send_for_ever()
        elif (file := self.server.folder / path).is_file():
            self.send_response(200)
            for cookie in self.server.cookies:
                self.send_header("Set-Cookie", cookie)
            self.end_headers()
            self.wfile.write(file.read_bytes())
        else:
            self.send_error(404)

    def _send_for_ever(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            pass  # the reader has had enough

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(source, "PAUSE_SECONDS", 0.01)
    LogFolder(tmp_path / "log", some_entries(600))
    with Server(tmp_path / "log") as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def audit(answers: Services, server: Server) -> tuple[int, str]:
    done = answers.run("log", "audit", server.url)
    return done.exit_code, done.stdout + done.stderr


def test_a_log_behind_an_address_is_read(answers: Services, server: Server) -> None:
    code, said = audit(answers, server)
    assert (code, "600 leaves, 600 of them read now; everything fits" in said) == (0, True), said
    assert set(server.asked.values()) == {1}, "and nothing of it twice"


def test_what_fails_for_a_moment_is_asked_again(answers: Services, server: Server) -> None:
    server.refuses.update({"checkpoint": 1, "tile/entries/000": 3, "tile/0/001": 2})
    code, said = audit(answers, server)
    assert code == 0, said
    assert server.asked["tile/entries/000"] == 4


@pytest.mark.parametrize("path", ["checkpoint", "tile/entries/001", "tile/1/000.p/2"])
def test_what_is_not_to_be_had_is_no_finding(answers: Services, server: Server, path: str) -> None:
    server.refuses[path] = 1000
    code, said = audit(answers, server)
    assert (code, "is not to be had" in said) == (2, True), said


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/entries/002.p/88"])
def test_a_file_without_an_end_is_a_finding_and_not_read_to_it(answers: Services, server: Server, path: str) -> None:
    server.endless.add(path)
    code, said = audit(answers, server)
    assert (code, "FOUND" in said) == (1, True), said


def test_no_cookie_is_kept(server: Server) -> None:
    server.cookies = [f"{number}={'v' * 300}" for number in range(90)]
    address = source.Address(server.url)
    assert address.read("checkpoint", 10_000) == address.read("checkpoint", 10_000)
    assert len(server.sent_cookies) == 2
    assert not any(server.sent_cookies)


def test_nobody_there_is_no_finding(answers: Services) -> None:
    done = answers.run("log", "audit", "http://127.0.0.1:1/log")
    assert (done.exit_code, "is not to be had" in done.stderr) == (2, True)
