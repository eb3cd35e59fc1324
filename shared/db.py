"""Opens pools and transactions, sets the tenant, and reads the database clock: the only place that does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson

from shared.bell import Bell, leaving

if TYPE_CHECKING:
    Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
    Tx: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"
else:
    Connection = Tx = asyncpg.Connection

# What a lost or restarting server raises: a reason to try again, never a fault of the work in hand.
FAILURES_OF_OURS: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a connection says that was cut in the middle of an answer
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    OSError,
    TimeoutError,
)


def is_failure_of_ours(error: BaseException) -> bool:
    """Tell whether `error` says that the server is away or busy; asyncpg's refusals of a wrong argument do not."""
    return isinstance(error, FAILURES_OF_OURS) and not isinstance(error, ValueError)


def to_json(value: Any) -> bytes:
    """Return `value` as JSON; it may hold what rows hold."""
    return orjson.dumps(value, default=_as_text)


def _as_text(value: object) -> str:
    if isinstance(value, UUID):  # asyncpg's own kind of UUID, which orjson does not take for one
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


async def prepare(connection: Connection) -> None:
    """Let jsonb columns be Python values on this connection."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: to_json(value).decode(),
        decoder=orjson.loads,
    )


async def _leave(_: Connection) -> None:
    """Let a connection go back to the pool as it is: what is set here is set for one transaction (three round trips).

    asyncpg has by then rolled back what was left open.
    """


class Database:
    """One role's connections to one service's database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", dsn: str, bell: Bell) -> None:
        self.pool = pool
        self.dsn = dsn
        self.bell = bell

    @classmethod
    async def open(cls, dsn: str, size: int = 8, bell: Bell | None = None) -> "Database":
        """Connect to `dsn` with at most `size` connections, opened when first needed; commits ring `bell`."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=size,
            init=prepare,
            reset=_leave,
            command_timeout=60,
            max_inactive_connection_lifetime=300,
        )
        return cls(pool, dsn, bell or Bell())

    async def close(self) -> None:
        """Wait for what is under way, then close every connection."""
        await self.pool.close()

    @asynccontextmanager
    async def transaction(self, tenant: UUID | None = None) -> AsyncIterator[Tx]:
        """Open a transaction in which row-level security shows `tenant`'s rows (None: no tenant's).

        It commits when the block ends and rolls back when the block raises; nobody else commits. The
        workers for whom the block leaves work (shared.bell.leave_work_for) are woken by the commit.
        """
        with leaving() as left:
            async with self.pool.acquire() as connection, connection.transaction():
                if tenant is not None:
                    await connection.execute("select set_config('app.tenant', $1, true)", str(tenant))
                yield connection
        if left:
            self.bell.ring(left)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """Open a connection of its own, outside the pool, for advisory locks that live as long as it does."""
        connection: Connection = await asyncpg.connect(self.dsn, command_timeout=60)
        try:
            await prepare(connection)
            yield connection
        finally:
            # A graceful close would wait for a server that may be gone; the locks end with the connection.
            connection.terminate()


async def now(tx: Tx) -> datetime:
    """Return the database's clock, the one clock that decides anything here (tests may move it)."""
    instant: datetime = await tx.fetchval("select laurel_clock()")
    return instant


async def refuse_privilege(database: Database) -> None:
    """Raise PermissionError where this role would read past row-level security, as an api never may."""
    async with database.pool.acquire() as connection:
        role: Any = await connection.fetchrow(
            """
            select rolname, rolsuper, rolbypassrls,
                   exists (select from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
                           and pg_has_role(current_user, relowner, 'member')) as owns
            from pg_roles where rolname = current_user
            """
        )
    if role["rolsuper"] or role["rolbypassrls"] or role["owns"]:
        raise PermissionError(
            f"database role {role['rolname']} is a superuser, bypasses row-level security or owns tables: "
            "the api runs only as the service's app role (LAUREL_APP_DSN)"
        )
