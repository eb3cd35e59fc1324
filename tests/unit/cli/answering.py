"""An HTTP server for tests of commands: services whose answers a test writes down, and what they were asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typer.testing import CliRunner, Result

from cli.keys import Unusable
from cli.main import app

SERVICES = ("console", "issuer", "registry", "verifier", "notifier")


@dataclass(frozen=True)
class Asked:
    """One request as it came: `path` begins with the service's name."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def key(self) -> str | None:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None


Answer = Callable[[Asked], Any]


class Services(ThreadingHTTPServer):
    """All services at one address.

    An answer is a JSON value, or bytes as they are, or a (status, value) pair, or such with headers.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[Asked] = []

    @property
    def environment(self) -> dict[str, str]:
        urls = {f"LAUREL_URL_{name.upper()}": f"http://127.0.0.1:{self.server_port}/{name}" for name in SERVICES}
        keys = {f"LAUREL_{whose}_KEY": f"{whose.lower()}-key" for whose in ("OPERATOR", "INSTITUTION", "EMPLOYER")}
        return {**urls, **keys, "LAUREL_HOME": "/nowhere"}

    def answer(self, route: str, answer: Any) -> None:
        """Answer `METHOD /service/path` with a value, or with what a function makes of the request."""
        self.answers[route] = answer if callable(answer) else lambda _: answer

    def run(self, *arguments: str, stdin: str | bytes | None = None, **environment: str) -> Result:
        """Run `laurel` with these services; what kept it from its work is its output and exit code 2, as in `main`."""
        result = CliRunner().invoke(app, arguments, input=stdin, env={**self.environment, **environment})
        if isinstance(result.exception, Unusable):
            result.exit_code = 2
            result.stderr_bytes += str(result.exception).encode()
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result


class _Handler(BaseHTTPRequestHandler):
    server: Services

    def do_GET(self) -> None:  # the base class's name
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        address = urlsplit(self.path)
        raw = self._body()
        asked = Asked(self.command, address.path, parse_qs(address.query), dict(self.headers), raw)
        self.server.asked.append(asked)
        answer = self.server.answers.get(f"{asked.method} {asked.path}")
        self._send(*_completed(answer(asked) if answer else problem(404, "not_found", "There is no such thing.")))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status: int, value: Any, headers: dict[str, str]) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def problem(status: int, code: str, detail: str, retry_after: int | None = None, **members: Any) -> Any:
    """An answer that is a problem."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return status, {"status": status, "code": code, "detail": detail, **members}, headers


def _completed(answer: Any) -> tuple[int, Any, dict[str, str]]:
    if not isinstance(answer, tuple):
        return 200, answer, {}
    return answer[0], answer[1], answer[2] if len(answer) > 2 else {}


@contextmanager
def answering() -> Iterator[Services]:
    """Run the services until the block ends."""
    services = Services()
    thread = threading.Thread(target=services.serve_forever)
    thread.start()
    try:
        yield services
    finally:
        services.shutdown()
        thread.join()
        services.server_close()
