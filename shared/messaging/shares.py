"""Splits work among processes by advisory locks: who holds the lock has the work, and each takes a fair share."""

from collections.abc import Collection, Sequence

from shared.db import Connection


class Shares:
    """This member's share of `names` within `group`; it lives and ends with `connection`, which nothing may pool.

    A server that lost the connection has released every lock: then another member may have the work already.
    """

    def __init__(self, connection: Connection, group: str, names: Sequence[str]) -> None:
        self._connection = connection
        self._group = group
        self._names = names
        self.held: set[str] = set()
        self._joined = False

    async def balance(self) -> tuple[set[str], set[str]]:
        """Release what is above a fair share, take what is free below it; return what was gained and what was lost."""
        if not self._joined:
            await self._connection.execute("select pg_advisory_lock_shared(hashtextextended($1, 0))", self._group)
            self._joined = True
        share = -(-len(self._names) // await self._members())
        before = set(self.held)
        if len(self.held) < share:
            await self._take(share)
        if len(self.held) > share:
            await self._release(sorted(self.held)[share:])
        return self.held - before, before - self.held

    async def _members(self) -> int:
        members: int = await self._connection.fetchval(
            """
            select count(*) from pg_locks
            where locktype = 'advisory' and mode = 'ShareLock' and granted and objsubid = 1
            and database = (select oid from pg_database where datname = current_database())
            and (classid::bigint << 32) | objid::bigint = hashtextextended($1, 0)
            """,
            self._group,
        )
        return max(members, 1)

    async def _take(self, share: int) -> None:
        """Lock free names up to `share`; a few more may be locked for a moment, and are given back at once."""
        wanted = [name for name in self._names if name not in self.held]
        rows = await self._connection.fetch(
            """
            select name from unnest($2::text[]) as name
            where pg_try_advisory_lock(hashtextextended($1 || '/' || name, 0))
            """,
            self._group,
            wanted,
        )
        self.held.update(row["name"] for row in rows)

    async def _release(self, names: Collection[str]) -> None:
        await self._connection.execute(
            "select pg_advisory_unlock(hashtextextended($1 || '/' || name, 0)) from unnest($2::text[]) as name",
            self._group,
            list(names),
        )
        self.held.difference_update(names)
