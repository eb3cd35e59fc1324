"""Reads request bodies as strict JSON: nothing comes in that the database or a signer would choke on."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from shared.credentials.errors import CredentialError
from shared.credentials.strict_json import read_json
from shared.web.problems import UnreadableBody


class StrictRequest(Request):
    """A request whose JSON has no duplicate keys, NaN, lone surrogates, NUL characters or bottomless nesting."""

    async def json(self) -> Any:
        """Return the body's value; raise UnreadableBody (400) with the reader's code."""
        if not hasattr(self, "_strict"):
            try:
                self._strict = read_json(await self.body())
            except CredentialError as error:
                raise UnreadableBody(error.code, error.detail) from error
        return self._strict


class StrictRoute(APIRoute):
    """For APIRouter(route_class=StrictRoute): every JSON body is read strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler so that it sees a StrictRequest."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strict
