"""The command line reads ledgers page by page over HTTP, waits for what is on its way; keys are no arguments."""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.connection import SERVICES, connect
from cli.keys import Unusable
from cli.main import app
from cli.sorting import DiskSorted

QUIET = {"outbox": 0, "refused": 0, "parked": 0, "buried": 0}
KEY = "operator-key-of-a-test"


class Services(ThreadingHTTPServer):
    """Four services at one address: what each answers is what a test puts here."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ledgers: dict[str, list[dict[str, Any]]] = {name: [] for name in SERVICES}
        self.queues: dict[str, list[dict[str, int]]] = {name: [QUIET] for name in SERVICES}
        self.metrics = "\n".join(f'laurel_inbox_lag_records{{consumer="laurel.{name}"}} 0.0' for name in SERVICES)
        self.page = 1000
        self.posted: list[tuple[str, Any]] = []

    def environment(self) -> dict[str, str]:
        urls = {f"LAUREL_URL_{name.upper()}": f"http://127.0.0.1:{self.server_port}/{name}" for name in SERVICES}
        return {**urls, "LAUREL_OPERATOR_KEY": KEY}

    def answer_ledger(self, service: str, after: str, limit: int) -> bytes:
        limit = min(limit, self.page)
        rest = [line for line in self.ledgers[service] if line["id"] > after]
        queues = self.queues[service]
        page = {"kind": "page", "next": rest[limit - 1]["id"] if len(rest) >= limit else None}
        page["queues"] = queues.pop(0) if len(queues) > 1 else queues[0]
        return b"".join(json.dumps(line).encode() + b"\n" for line in [*rest[:limit], page])


class _Handler(BaseHTTPRequestHandler):
    server: Services

    def do_GET(self) -> None:  # the base class's name
        address = urlsplit(self.path)
        service, query = address.path.split("/")[1], parse_qs(address.query)
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self._send(401, b'{"status": 401, "code": "invalid_key", "detail": "This API key is not known here."}')
        elif address.path.endswith("/v1/ops/ledger"):
            after, limit = query.get("cursor", [""])[0], int(query["limit"][0])
            self._send(200, self.server.answer_ledger(service, after, limit))
        elif address.path.endswith("/metrics"):
            self._send(200, self.server.metrics.encode())
        else:
            self._send(200, b'{"items": [], "next": null}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.posted.append((self.path, json.loads(body or b"null")))
        self._send(200, b'{"count": 3}')

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def services() -> Iterator[Services]:
    server = Services()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def laurel(services: Services, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env=services.environment())


def add_credential(services: Services, number: int) -> str:
    subject = str(UUID(int=number))
    event = str(UUID(int=10_000 + number))
    line = {
        "kind": "credential",
        "id": subject,
        "status": "issued",
        "versions": [{"version": 1, "type": "issued", "event_id": event}],
        "positions": [],
        "document_digest": "z",
    }
    services.ledgers["issuer"].append(line)
    services.ledgers["registry"].append(line)
    services.ledgers["verifier"].append({**line, "version": 1})
    delivery = {"id": subject, "event_id": event, "channel": "mail", "target_digest": "t", "state": "waiting"}
    services.ledgers["notifier"].append({"kind": "delivery", **delivery, "due": False})
    notice = {"id": f"notice:{event}", "happened": True, "recorded": True, "addressed": True}
    services.ledgers["notifier"].append({"kind": "notice", **notice, "deliveries": {"mail": 1}})
    services.ledgers["notifier"].sort(key=lambda line: str(line["id"]))
    return subject


def test_ledgers_are_compared_over_all_their_pages(services: Services, tmp_path: Path) -> None:
    services.page = 3
    subjects = [add_credential(services, number) for number in range(10)]
    acknowledged = tmp_path / "acks.jsonl"
    acknowledged.write_text("".join(f'{{"credential_id": "{each}", "action": "issue"}}\n' for each in subjects[::-1]))
    result = laurel(services, "ledger-check", "--acknowledged", str(acknowledged))
    assert (result.exit_code, "0 violations" in result.output) == (0, True)
    counts = json.loads(laurel(services, "ledger-check", "--json").output)["counts"]
    assert counts == {"issuer: credential": 10, "registry: credential": 10, "verifier: credential": 10} | {
        "notifier: delivery waiting": 10,
        "notifier: notice": 10,
    }


def test_what_lasts_is_a_violation_and_exit_code_1(services: Services) -> None:
    add_credential(services, 1)
    services.ledgers["verifier"].clear()
    result = laurel(services, "ledger-check", "--settle", "0")
    assert result.exit_code == 1
    assert "is missing in verifier" in result.output
    assert "1 violations" in result.output


def test_what_is_on_its_way_may_arrive(services: Services) -> None:
    services.queues["issuer"] = [{**QUIET, "outbox": 5}, {**QUIET, "outbox": 1}, QUIET]
    assert laurel(services, "ledger-check", "--settle", "60").exit_code == 0
    services.queues["issuer"] = [{**QUIET, "outbox": 5}, QUIET]
    assert laurel(services, "ledger-check", "--settle", "0").exit_code == 1


def test_what_consumers_have_not_read_is_a_violation(services: Services) -> None:
    services.metrics = 'laurel_inbox_lag_records{consumer="a"} 3.0\nlaurel_inbox_lag_records{consumer="b"} 0.0'
    result = laurel(services, "ledger-check", "--settle", "0")
    assert result.exit_code == 1
    assert "8  registry  has lag rows that wait" in result.output


def test_a_lag_that_nobody_tells_is_told_as_such(services: Services) -> None:
    services.metrics = "laurel_outbox_rows 0.0"
    result = laurel(services, "ledger-check")
    assert result.exit_code == 0
    assert "notifier: lag not told" in result.output
    assert "issuer: lag" not in result.output, "it reads nothing"


def test_a_line_that_acknowledges_nothing_is_refused(services: Services, tmp_path: Path) -> None:
    acknowledged = tmp_path / "acks.jsonl"
    acknowledged.write_text('{"credential_id": "x", "action": "issue"}\n{"credential_id": "x"}\n')
    result = laurel(services, "ledger-check", "--acknowledged", str(acknowledged))
    assert isinstance(result.exception, Unusable)
    assert "acks.jsonl:2" in str(result.exception)


def test_a_wrong_key_is_told_as_such(services: Services) -> None:
    environment = {**services.environment(), "LAUREL_OPERATOR_KEY": "wrong"}
    result = CliRunner().invoke(app, ["ledger-check"], env=environment)
    assert "invalid_key" in str(result.exception)


def test_operations_go_to_the_service_that_is_named(services: Services) -> None:
    assert "3 dead letters" in laurel(services, "replay", "notifier", "--id", "17", "--id", "18").output
    assert "3 partitions" in laurel(services, "restart", "registry", "laurel.registry.record").output
    assert laurel(services, "rebuild", "verifier").exit_code == 0
    assert json.loads(laurel(services, "refeed", "issuer", "--json").output) == {"count": 3}
    assert services.posted == [
        ("/notifier/v1/ops/replay", {"ids": [17, 18]}),
        ("/registry/v1/ops/restart", {"consumer": "laurel.registry.record"}),
        ("/verifier/v1/ops/rebuild", None),
        ("/issuer/v1/ops/refeed", None),
    ]
    assert "no dead letters" in laurel(services, "dead-letters", "registry").output
    assert laurel(services, "rebuild", "console").exit_code == 2


def test_addresses_and_key_come_from_demo_json_where_the_environment_is_silent(tmp_path: Path) -> None:
    urls = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(SERVICES, 8001)}
    (tmp_path / "demo.json").write_text(json.dumps({"urls": urls, "operator_key": "from demo.json"}))
    home = {"LAUREL_HOME": str(tmp_path)}
    assert connect(home).urls == urls
    assert connect(home).key.text == "from demo.json"
    assert connect({**home, "LAUREL_URL_ISSUER": "https://i.example/"}).urls["issuer"] == "https://i.example"
    key_file = tmp_path / "key"
    key_file.write_text("from a file\n")
    assert connect({**home, "LAUREL_OPERATOR_KEY_FILE": str(key_file)}).key.text == "from a file"
    with pytest.raises(Unusable, match="LAUREL_URL_ISSUER"):
        connect({"LAUREL_HOME": str(tmp_path / "nowhere")})


# What is no answer: a sample is JSON, failed rows are CSV, a report's form is chosen, a key is a line, a server serves.
NO_JSON = (
    ["achievement", "sample"],
    ["jobs", "errors"],
    ["log", "report"],
    ["receipt", "get"],
    ["witness", "key"],
    ["witness", "serve"],
)
# Options about keys that are no secret: a file's name, and what everybody may know.
KEY_OPTIONS = {"--key-file", "--vkey"}
PUBLIC_KEY_OPTIONS = {"receipt check": {"--keys", "--verifier-key"}, "revoke": {"--key"}}  # a signing key's id


def every_command(command: Any = None, words: Sequence[str] = ()) -> Iterator[list[str]]:
    """The words of each command, those of groups too."""
    command = command or typer.main.get_command(app)
    if not hasattr(command, "commands"):
        yield list(words)
        return
    for name, each in command.commands.items():
        yield from every_command(each, [*words, name])


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_every_command_has_an_example_and_takes_no_key(words: list[str]) -> None:
    said = CliRunner().invoke(app, [*words, "--help"]).output
    assert f"Example: laurel {' '.join(words)}" in " ".join(said.split())
    options = set(re.findall(r"--[a-z-]+", said))
    allowed = KEY_OPTIONS | PUBLIC_KEY_OPTIONS.get(" ".join(words), set())
    assert not {each for each in options if "key" in each} - allowed
    assert "--json" in options or words in NO_JSON


@pytest.mark.parametrize("words", [[], *every_command()], ids=" ".join)
def test_a_flag_is_not_shown_as_taking_a_value(words: list[str]) -> None:
    said = CliRunner().invoke(app, [*words, "--help"]).output
    assert "--help" in said
    assert "<bool>" not in said


def test_rows_come_back_sorted_as_often_as_asked() -> None:
    rows: DiskSorted[tuple[str, str]] = DiskSorted(2)
    rows.add([("b", "2"), ("a", "9")])
    rows.add([("b", "1"), ("b", "1")])
    assert list(rows) == list(rows) == [("a", "9"), ("b", "1"), ("b", "1"), ("b", "2")]
