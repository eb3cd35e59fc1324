"""Asks the services what they publish: briefly, side by side, and never for more than a page can show."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from console.settings import ConsoleSettings

# A page that somebody waits for; whoever is slower is shown as away.
SECONDS = 3.0
# A registry's record carries the signed document (up to 512 KiB); metrics have some 20 KiB.
MAX_BYTES = 2 * 1024 * 1024


class Away(Exception):
    """A service does not answer, or not in a way that can be read; the message says how."""


@dataclass(frozen=True)
class Neighbour:
    """One service: its name and task, its address for people, and where its processes answer."""

    name: str
    task: str
    url: str
    inside: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What a service answered."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the object in the body; raises Away where there is none."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Away("answers with what is not JSON") from error
        if not isinstance(found, dict):
            raise Away("answers with something unexpected")
        return found


def neighbours(settings: ConsoleSettings) -> list[Neighbour]:
    """The services, in the order in which a badge meets them."""
    return [
        Neighbour(name, task, url.rstrip("/"), tuple(each.rstrip("/") for each in inside or (url,)))
        for name, task, url, inside in (
            ("issuer", "decides that a badge exists, or no longer holds", settings.issuer_url, settings.issuer_inside),
            (
                "registry",
                "remembers every badge and what became of it",
                settings.registry_url,
                settings.registry_inside,
            ),
            ("verifier", "answers whether a badge holds", settings.verifier_url, settings.verifier_inside),
            (
                "notifier",
                "tells learners by mail and programs by webhook",
                settings.notifier_url,
                settings.notifier_inside,
            ),
        )
    ]


class Asking:
    """One client for all questions; `operator_key` is sent where a question is asked as the operator."""

    def __init__(self, operator_key: str | None) -> None:
        self._operator = {"Authorization": f"Bearer {operator_key}"} if operator_key else {}
        self._client = httpx.AsyncClient(timeout=SECONDS, trust_env=False, follow_redirects=False)

    async def get(self, url: str, *, as_operator: bool = False, query: Mapping[str, str] | None = None) -> Answer:
        """GET; raises Away unless the whole answer is here within 3 s and has no more than 2 MiB."""
        return await self._ask(
            "GET", url, SECONDS, MAX_BYTES, headers=self._operator if as_operator else {}, params=query
        )

    async def ask(
        self,
        key: str,
        method: str,
        url: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        once: str | None = None,
        seconds: float = SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> Answer:
        """Ask with somebody's API key, and a JSON body; `once` is the Idempotency-Key. Raises Away as `get` does."""
        headers = {"Authorization": f"Bearer {key}"} | ({"Idempotency-Key": once} if once else {})
        headers |= {} if body is None else {"Content-Type": "application/json"}
        content = None if body is None else orjson.dumps(body)
        return await self._ask(method, url, seconds, max_bytes, headers=headers, content=content, params=query)

    async def _ask(
        self, method: str, url: str, seconds: float, max_bytes: int, headers: Mapping[str, str], **request: Any
    ) -> Answer:
        headers = {"Accept": "application/json", **headers}
        body = bytearray()
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(method, url, headers=headers, timeout=seconds, **request) as answer,
            ):
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > max_bytes:
                        raise Away("answers with more than can be shown")
        except (httpx.TimeoutException, TimeoutError) as error:
            raise Away("takes too long to answer") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Away("does not answer") from error
        return Answer(answer.status_code, bytes(body))

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()
