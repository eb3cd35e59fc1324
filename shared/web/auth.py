"""Tells who asks: API keys of institutions and employers, and the operator's key.

A key is `lrl_<id>_<secret>`; the database keeps SHA-256 of its 32 random bytes. A service knows its own keys from its
tables and others' from their state records, so no call between services decides who may do what.
"""

import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.db import Database
from shared.errors import Forbidden, Unauthorized, Unavailable
from shared.ids import new_secret, partition_of
from shared.web.limits import Rate

Kind = Literal["institution", "employer", "operator"]

# A scope opens its routes; `auditor` opens every route that only reads.
SCOPES: dict[str, tuple[str, ...]] = {
    "institution": ("issue", "revoke", "manage", "read"),
    "employer": ("verify", "manage", "read"),
}
AUDITOR = "auditor"

# The operator's own idempotency keys and cursors need a tenant too: nobody's.
NOBODY = UUID(int=0)

# After this long without a heartbeat from the service that owns a kind of key, its revocations may be missing here.
FOREIGN_KEY_SILENCE = timedelta(minutes=15)

_bearer = HTTPBearer(auto_error=False, description="An API key `lrl_…`, or the operator key.")


@dataclass(frozen=True)
class Principal:
    """Who asks."""

    kind: Kind
    tenant_id: UUID
    key_id: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Tell whether this principal's key opens routes of `scope`."""
        return self.kind == "operator" or scope in self.scopes or (scope == "read" and AUDITOR in self.scopes)


@dataclass(frozen=True)
class NewKey:
    """An API key that was just made: `text` is shown once, `hash` is stored."""

    id: UUID
    text: str
    hash: bytes


def new_key(key_id: UUID) -> NewKey:
    """Make an API key with 32 random bytes behind its id."""
    secret = new_secret()
    return NewKey(key_id, f"lrl_{key_id.hex}_{secret}", sha256(secret.encode()).digest())


WithoutKey = Callable[[Request], Awaitable[Principal | None]]


class Authenticator:
    """Knows the keys that open one service's API."""

    def __init__(self, database: Database, operator_secret: str | None, foreign: Mapping[str, str]) -> None:
        """`foreign` names, for each kind of key that another service issues, that service's source."""
        self._database = database
        self._operator = operator_secret.encode() if operator_secret else None
        self._foreign = foreign
        self._guesses = Rate("30/minute")

    async def principal(self, token: str, address: str) -> Principal:
        """Return who holds `token`; raises Unauthorized, RateLimited (many wrong keys from `address`), Unavailable.

        Wrong keys alone are counted: others at the same address, behind one proxy say, are not shut out by them.
        """
        if self._operator and hmac.compare_digest(token.encode(), self._operator):
            return Principal("operator", NOBODY, "operator", frozenset())
        key_id, secret = _parts(token)
        row = await self._row(key_id) if key_id else None
        if row is not None and row["id"] is None:  # perhaps one that is not here yet
            _refuse_silence(row, self._foreign.values())
        if row is None or row["id"] is None or not hmac.compare_digest(row["hash"], sha256(secret.encode()).digest()):
            self._guesses.spend(address)
            raise Unauthorized("invalid_key", "This API key is not known here.")
        if row["revoked_at"] or (row["expires_at"] and row["expires_at"] <= row["now"]):
            raise Unauthorized("key_no_longer_valid", "This API key was revoked or has expired.")
        source = self._foreign.get(row["tenant_kind"])
        _refuse_silence(row, [source] if source else [])
        return Principal(row["tenant_kind"], row["tenant_id"], str(row["id"]), frozenset(row["scopes"]))

    async def _row(self, key_id: UUID) -> Any:
        """What is here of a key (nulls where it is unknown), up to when it is, and whether a record of it waits."""
        async with self._database.pool.acquire() as connection:
            return await connection.fetchrow(
                """
                select k.*, laurel_clock() as now,
                       (select jsonb_object_agg(source, time) from heartbeats where shard = $2) as heard,
                       exists (select held_keys(array[$1::uuid::text])) as held
                from (select) as always left join find_api_key($1) k on true
                """,
                key_id,
                partition_of(str(key_id)),
            )


def _refuse_silence(row: Any, sources: Collection[str]) -> None:
    """Raise Unavailable where the newest state of a key that one of `sources` issues may be missing here."""
    heard = {source: datetime.fromisoformat(time) for source, time in (row["heard"] or {}).items()}
    silent = [each for each in sources if each not in heard or row["now"] - heard[each] > FOREIGN_KEY_SILENCE]
    if silent or (sources and row["held"]):
        raise Unavailable("keys_out_of_date", "It can't be told at present whether this API key holds.", retry_after=30)


def require(*kinds: Kind, scope: str, without_key: WithoutKey | None = None) -> Callable[..., Awaitable[Principal]]:
    """Make a dependency that lets in principals of `kinds` whose key opens `scope`; everybody else is refused.

    `without_key` may say who it is that asks without any.
    """

    async def principal(
        request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Principal:
        found = await _ask(request, bearer) if bearer else await without_key(request) if without_key else None
        if found is None:
            raise Unauthorized("key_missing", "Send your API key as 'Authorization: Bearer <key>'.")
        if found.kind not in kinds:
            raise Forbidden("wrong_kind_of_key", f"This route is for: {', '.join(kinds)}.")
        refuse_without(found, scope)
        return found

    return principal


def refuse_without(principal: Principal, scope: str) -> None:
    """Raise Forbidden where a principal's key does not open routes of `scope`."""
    if not principal.may(scope):
        raise Forbidden("scope_missing", f"This key lacks the scope '{scope}'.")


async def anyone(
    request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal | None:
    """Dependency for public routes: who asks, or None where no key was sent. A wrong key is refused all the same."""
    return None if bearer is None else await _ask(request, bearer)


async def _ask(request: Request, bearer: HTTPAuthorizationCredentials) -> Principal:
    authenticator: Authenticator = request.app.state.authenticator
    return await authenticator.principal(bearer.credentials, address_of(request))


def address_of(request: Request) -> str:
    """Return the caller's network address, for rate limits; of IPv6 the /64, which one caller has whole."""
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return "unknown"
    return str(address) if address.version == 4 else str(ip_network((address, 64), strict=False))


def _parts(token: str) -> tuple[UUID | None, str]:
    mark, _, rest = token.partition("_")
    key_id, _, secret = rest.partition("_")
    if mark != "lrl" or len(key_id) != 32 or not secret:
        return None, ""
    try:
        return UUID(hex=key_id), secret
    except ValueError:
        return None, ""
