"""Lets the operator in: by the operator key in a form, which opens a session, or with each request of a program."""

import hmac
import time
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.errors import Unauthorized, Unavailable
from shared.ids import new_secret
from shared.web.auth import address_of
from shared.web.limits import Rate

COOKIE = "laurel_ops"
# A working day; who comes back tomorrow shows the key again.
SESSION_SECONDS = 12 * 3600
# Each needs the operator key, so many are one operator's scripts: the oldest end.
MAX_SESSIONS = 1000

_bearer = HTTPBearer(auto_error=False, description="The operator key.")


class LoginNeeded(Exception):
    """Somebody without a session asks for a page of the operator's."""


class Sessions:
    """Who is logged in, in this process's memory: a restart ends every session."""

    def __init__(self, operator_key: str | None) -> None:
        self._key = operator_key
        self._ends: dict[bytes, float] = {}
        self._guesses = Rate("30/minute")

    def check(self, key: str, address: str) -> None:
        """Raise Unauthorized unless `key` is the operator's, RateLimited after many such from `address`, Unavailable.

        Wrong keys alone are counted: the operator, perhaps behind the same proxy, is not shut out by them.
        """
        if self._key is None:
            raise Unavailable("no_operator_key", "No operator key is configured (LAUREL_OPERATOR_KEY_FILE).")
        if not hmac.compare_digest(key.encode(), self._key.encode()):
            self._guesses.spend(address)
            raise Unauthorized("invalid_key", "This is not the operator key.")

    def open(self, now: float | None = None) -> str:
        """Begin a session; return its token."""
        now = time.monotonic() if now is None else now
        self._ends = {each: end for each, end in self._ends.items() if end > now}
        while len(self._ends) >= MAX_SESSIONS:
            del self._ends[next(iter(self._ends))]
        token = new_secret()
        self._ends[_digest(token)] = now + SESSION_SECONDS
        return token

    def holds(self, token: str, now: float | None = None) -> bool:
        """Tell whether a token's session has not ended."""
        return self._ends.get(_digest(token), 0.0) > (time.monotonic() if now is None else now)

    def end(self, token: str) -> None:
        """End a session, if there is one."""
        self._ends.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


async def reader(request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
    """Dependency of the operator's pages: lets in a session or the key; raises LoginNeeded where neither is shown."""
    sessions: Sessions = request.app.state.sessions
    if bearer is not None:
        sessions.check(bearer.credentials, address_of(request))
    elif not sessions.holds(request.cookies.get(COOKIE, "")):
        raise LoginNeeded


async def program(request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
    """Dependency of the operator's routes for programs: lets in the key alone."""
    sessions: Sessions = request.app.state.sessions
    if bearer is None:
        raise Unauthorized("key_missing", "Send the operator key as 'Authorization: Bearer <key>'.")
    sessions.check(bearer.credentials, address_of(request))
