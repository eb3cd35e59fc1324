"""Reads request bodies as strict JSON: nothing comes in that the database or a signer would choke on."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from shared.credentials.errors import CredentialError
from shared.credentials.strict_json import read_json
from shared.web.problems import RESPONSES, UnreadableBody

# A longer body takes long to read, and is read beside the event loop.
SHORT_BYTES = 64 * 1024


class StrictRequest(Request):
    """A request whose JSON has no duplicate keys, NaN, lone surrogates, NUL characters or bottomless nesting."""

    async def json(self) -> Any:
        """Return the body's value; raise UnreadableBody (400) with the reader's code."""
        if not hasattr(self, "_strict"):
            try:
                self._strict = await self._read(await self.body())
            except CredentialError as error:
                raise UnreadableBody(error.code, error.detail) from error
        return self._strict

    async def _read(self, body: bytes) -> Any:
        # How long a body may be was decided when it was received (shared/web/limits.py).
        if len(body) <= SHORT_BYTES:
            return read_json(body)
        return await asyncio.to_thread(read_json, body, max_bytes=len(body))


class StrictRoute(APIRoute):
    """For APIRouter(route_class=StrictRoute): every JSON body is read strictly, every answer may be a problem."""

    request_class = StrictRequest

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        responses: dict[int | str, dict[str, Any]] | None,
        **members: Any,
    ) -> None:
        super().__init__(path, endpoint, responses={**RESPONSES, **(responses or {})}, **members)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler so that it sees a StrictRequest."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(self.request_class(request.scope, request.receive))

        return strict
