"""Where the services are and which key opens them: from the environment, or from what `make up` left in demo.json."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
from prometheus_client.parser import text_string_to_metric_families

SERVICES = ("issuer", "registry", "verifier", "notifier")
# What a process that consumes tells at /metrics; an api's has none (shared/messaging/metrics.py).
LAG = "laurel_inbox_lag_records"


class Unusable(Exception):
    """A command can't do its work: the message says what is missing."""


@dataclass(frozen=True)
class Connection:
    """The services' addresses, and the operator's key."""

    urls: Mapping[str, str]
    operator_key: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=120), repr=False)

    def get(self, service: str, path: str, **query: Any) -> httpx.Response:
        """GET as operator; raises Unusable where the service does not answer, or answers with a problem."""
        asked = {name: value for name, value in query.items() if value is not None}
        return self._call(service, "GET", path, params=asked)

    def post(self, service: str, path: str, body: Any = None) -> httpx.Response:
        """POST as operator; raises as `get` does."""
        return self._call(service, "POST", path, json=body)

    def ledger(self, service: str) -> Iterator[dict[str, Any]]:
        """Give every line of a service's ledger in the order of ids, and last one `{"kind": "queues", …}`."""
        cursor = None
        while True:
            answer = self.get(service, "/v1/ops/ledger", cursor=cursor, limit=1000)
            *lines, page = [orjson.loads(line) for line in answer.content.splitlines()]
            yield from lines
            cursor = page["next"]
            if cursor is None:
                yield {"kind": "queues", **page["queues"]}
                return

    def lag(self, service: str) -> int | None:
        """Return how many records the service's consumers have not read; None where its address is no worker's."""
        families = text_string_to_metric_families(self.get(service, "/metrics").text)
        samples = [sample for family in families if family.name == LAG for sample in family.samples]
        return int(sum(sample.value for sample in samples)) if samples else None

    def _call(self, service: str, method: str, path: str, **request: Any) -> httpx.Response:
        url = self.urls[service] + path
        try:
            answer = self.http.request(method, url, headers={"Authorization": f"Bearer {self.operator_key}"}, **request)
        except httpx.HTTPError as error:
            raise Unusable(f"The {service} at {self.urls[service]} does not answer: {error}") from error
        if answer.is_error:
            raise Unusable(f"The {service} refused {method} {path}: {_told(answer)}")
        return answer


def connect(environment: Mapping[str, str]) -> Connection:
    """Read LAUREL_URL_ISSUER and its like, LAUREL_OPERATOR_KEY or LAUREL_OPERATOR_KEY_FILE, and demo.json for the rest.

    Raises Unusable where an address or the key is nowhere.
    """
    noted = _noted(Path(environment.get("LAUREL_HOME") or ".laurel") / "demo.json")
    urls = {name: environment.get(f"LAUREL_URL_{name.upper()}") or noted["urls"].get(name) for name in SERVICES}
    if lacking := [name for name, url in urls.items() if not url]:
        raise Unusable(
            f"Where is the {lacking[0]}? Set LAUREL_URL_{lacking[0].upper()} (http://127.0.0.1:8001, say), or "
            "LAUREL_HOME to the folder of a Laurel that 'make up' started."
        )
    return Connection({name: str(url).rstrip("/") for name, url in urls.items()}, _operator_key(environment, noted))


def _operator_key(environment: Mapping[str, str], noted: Mapping[str, Any]) -> str:
    if key := environment.get("LAUREL_OPERATOR_KEY"):
        return key
    if path := environment.get("LAUREL_OPERATOR_KEY_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise Unusable(f"LAUREL_OPERATOR_KEY_FILE: {error}") from error
    key = noted.get("operator_key")
    if not key:
        raise Unusable("The operator's key is needed: set LAUREL_OPERATOR_KEY_FILE or LAUREL_OPERATOR_KEY.")
    return str(key)


def _noted(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"urls": {}}
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _told(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        return f"{problem['status']} {problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:200]}"
