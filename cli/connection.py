"""Where the services are, and how they are asked: each answer that is a problem is one sentence for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from prometheus_client.parser import text_string_to_metric_families

from cli.keys import Key, Unusable, Whose, demo_file, find_key, read_demo

SERVICES = ("issuer", "registry", "verifier", "notifier")
_PORTS = {"console": 8000, "issuer": 8001, "registry": 8002, "verifier": 8003, "notifier": 8004}
# What a process that consumes tells at /metrics; an api's has none (shared/messaging/metrics.py).
LAG = "laurel_inbox_lag_records"
# Of a body's mistakes, as many are told in one message.
MISTAKES = 5


class Refused(Unusable):
    """A service's answer was a problem: its HTTP status, its code, and after how many seconds to come back."""

    def __init__(self, message: str, status: int, code: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class Silent(Unusable):
    """A service gave no answer; what was asked for may have been done all the same."""


@dataclass(frozen=True)
class Connection:
    """The services' addresses, and the key that is sent with every request."""

    urls: Mapping[str, str]
    key: Key | None
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=120), repr=False)

    def get(self, service: str, path: str, **query: Any) -> httpx.Response:
        """GET; raises Silent where the service does not answer, Refused where it answers with a problem."""
        asked = {name: value for name, value in query.items() if value is not None}
        return self._call(service, "GET", path, params=asked)

    def post(self, service: str, path: str, body: Any = None, *, idempotency_key: str | None = None) -> httpx.Response:
        """POST a body, or bytes that are JSON already; raises as `get` does."""
        content = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} if content is not None else {}
        headers |= {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._call(service, "POST", path, content=content, headers=headers)

    def send(
        self, service: str, path: str, content: Iterable[bytes], headers: Mapping[str, str], query: Mapping[str, Any]
    ) -> httpx.Response:
        """POST what comes piece by piece, never all of it in memory; raises as `get` does."""
        return self._call(service, "POST", path, content=content, headers=headers, params=query)

    def chunks(self, service: str, path: str) -> Iterator[bytes]:
        """GET; give the answer's bytes as they come, which may go on for long. Raises as `get` does."""
        with (
            self._talking(service),
            self.http.stream("GET", self.urls[service] + path, headers=self._own()) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise self._refused(service, answer)
            yield from answer.iter_bytes()

    def delete(self, service: str, path: str) -> None:
        """DELETE; raises as `get` does."""
        self._call(service, "DELETE", path)

    def upload(self, service: str, path: str, file: bytes, fields: Mapping[str, str]) -> httpx.Response:
        """POST a form with one file; raises as `get` does."""
        return self._call(service, "POST", path, files={"file": ("badge", file)}, data=fields)

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

    def items(self, service: str, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Give the items of every page of a list."""
        cursor = None
        while True:
            page = self.get(service, path, cursor=cursor, limit=200, **query).json()
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def lag(self, service: str) -> int | None:
        """Return how many records the service's consumers have not read; None where its address is no worker's."""
        families = text_string_to_metric_families(self.get(service, "/metrics").text)
        samples = [sample for family in families if family.name == LAG for sample in family.samples]
        return int(sum(sample.value for sample in samples)) if samples else None

    def _call(self, service: str, method: str, path: str, headers: Any = None, **request: Any) -> httpx.Response:
        with self._talking(service):
            url = self.urls[service] + path
            answer = self.http.request(method, url, headers={**self._own(), **(headers or {})}, **request)
        if answer.is_error:
            raise self._refused(service, answer)
        return answer

    def _own(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key.text}"} if self.key else {}

    @contextmanager
    def _talking(self, service: str) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = str(error) or type(error).__name__
            raise Silent(f"The {service} at {self.urls[service]} does not answer: {said}") from error

    def _refused(self, service: str, answer: httpx.Response) -> Refused:
        status, (code, detail) = answer.status_code, _told(answer)
        message = f"{detail} ({status} {code}, said the {service})"
        if status == 401 and self.key:
            message += f" The key was that of {self.key.source}."
        after = answer.headers.get("Retry-After", "")
        return Refused(message, status, code, float(after) if after.isdigit() else None)


def connect(
    environment: Mapping[str, str],
    *kinds: Whose,
    needs: Sequence[str] = SERVICES,
    optional: bool = False,
) -> Connection:
    """Read the addresses of the services that are needed, and the first key there is of `kinds` (the operator's).

    Addresses are LAUREL_URL_ISSUER and its like, or those of demo.json. Raises Unusable where an address or the key is
    nowhere; `optional`: without a key the request goes without one.
    """
    noted = read_demo(environment).get("urls", {})
    urls = {name: environment.get(f"LAUREL_URL_{name.upper()}") or noted.get(name) for name in needs}
    if lacking := [name for name, url in urls.items() if not url]:
        raise Unusable(
            f"Where is the {lacking[0]}? Set LAUREL_URL_{lacking[0].upper()} (http://127.0.0.1:{_PORTS[lacking[0]]}, "
            "say), or LAUREL_HOME to the folder of a Laurel that 'make up' started."
        )
    kinds = kinds or ("operator",)
    keys = (find_key(environment, kind) for kind in kinds)
    key = next((each for each in keys if each), None)
    if key is None and not optional:
        raise Unusable(_lacking_key(environment, kinds))
    return Connection({name: str(url).rstrip("/") for name, url in urls.items()}, key)


def _lacking_key(environment: Mapping[str, str], kinds: Sequence[Whose]) -> str:
    names = " or ".join(f"LAUREL_{kind.upper()}_KEY_FILE" for kind in kinds)
    whose = " or the ".join(f"{kind}'s" for kind in kinds)
    return f"The {whose} key is needed: set {names}; {demo_file(environment)} has none."


def _told(answer: httpx.Response) -> tuple[str, str]:
    """Return a problem's code and sentence; of a body with several mistakes, several."""
    try:
        problem = answer.json()
        wrong = [f"{each['path']}: {each['message']}" for each in problem.get("errors", ())][:MISTAKES]
        return str(problem["code"]), "; ".join(wrong) or str(problem["detail"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "no_problem_document", answer.text[:200].strip() or answer.reason_phrase
