"""Lets an institution in by its API key in a form; the key stays in this process's memory, the browser has a cookie."""

import hmac
import time
from dataclasses import dataclass
from hashlib import sha256

from fastapi import Request

from console.sessions import MAX_SESSIONS, SESSION_SECONDS
from shared.errors import Forbidden
from shared.ids import new_secret
from shared.web.limits import Rate

COOKIE = "laurel_institution"
PATH = "/institution"


class KeyNeeded(Exception):
    """Somebody without a session asks for a page of an institution's."""


@dataclass(frozen=True)
class Session:
    """One institution's: its key, its name, and the token that this session's own forms carry."""

    key: str
    name: str
    form_token: str
    ends: float


class InstitutionSessions:
    """Who is in, by the digest of their cookie; a restart ends every session."""

    def __init__(self) -> None:
        self._sessions: dict[bytes, Session] = {}
        self.guesses = Rate("30/minute")

    def open(self, key: str, name: str, now: float | None = None) -> str:
        """Begin a session; return its cookie."""
        now = time.monotonic() if now is None else now
        self._sessions = {token: each for token, each in self._sessions.items() if each.ends > now}
        while len(self._sessions) >= MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        token = new_secret()
        self._sessions[_digest(token)] = Session(key, name, new_secret(), now + SESSION_SECONDS)
        return token

    def of(self, token: str, now: float | None = None) -> Session | None:
        """Return a cookie's session, if it has not ended."""
        found = self._sessions.get(_digest(token))
        return found if found and found.ends > (time.monotonic() if now is None else now) else None

    def end(self, token: str) -> None:
        """End a session, if there is one."""
        self._sessions.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


async def session(request: Request) -> Session:
    """Dependency of an institution's pages; raises KeyNeeded where there is no session."""
    sessions: InstitutionSessions = request.app.state.institutions
    found = sessions.of(request.cookies.get(COOKIE, ""))
    if found is None:
        raise KeyNeeded
    return found


def refuse_foreign_form(found: Session, token: str) -> None:
    """Raise Forbidden where a form was not made in this session."""
    if not hmac.compare_digest(token.encode(), found.form_token.encode()):
        raise Forbidden("form_outdated", "This form is not of your present session. Go back, load it again, send it.")
