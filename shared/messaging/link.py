"""A connection to the event log's database that is made when it is needed, and anew after every failure."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from shared.db import Connection
from shared.messaging.ports import LogUnavailable


class Link:
    """One connection at a time, for one task at a time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection | None = None

    @classmethod
    @asynccontextmanager
    async def once(cls, dsn: str) -> AsyncIterator[Connection]:
        """Give a connection for this block alone; raises as `use` does."""
        link = cls(dsn)
        try:
            async with link.use() as connection:
                yield connection
        finally:
            link.drop()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        """Give the connection; raises LogUnavailable for whatever the server or the way to it does wrong."""
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self._dsn, timeout=10, command_timeout=30)
            yield self._connection
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            self.drop()
            raise LogUnavailable(f"event log: {type(error).__name__}: {error}") from error
        except BaseException:  # a cancelled statement leaves the connection in no known state
            self.drop()
            raise

    @property
    def current(self) -> Connection | None:
        """The connection, to see whether it is still the same."""
        return self._connection

    def drop(self) -> None:
        """Cut the connection; its locks and its open transaction end with it."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
