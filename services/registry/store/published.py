"""What institutions publish, in SQL: status lists by the minute, achievements, the copies of others' state."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson
from asyncpg import Record

from shared.db import Tx
from shared.messaging.events import StatusListState

# A token that is not of this very signature counts as none.
_LIST = "version, credential, ttl_ms, case when token_signed_at = signed_at then token end as token"


async def keep_lists(tx: Tx, lists: Sequence[StatusListState]) -> None:
    """Keep signed lists: of each list's versions of one minute the newest stays."""
    await tx.executemany(
        """
        insert into status_list_versions as kept
               (list_id, minute, version, institution_id, purpose, credential, signed_at, ttl_ms, token,
                token_signed_at)
        values ($1, date_trunc('minute', $6::timestamptz), $2, $3, $4, $5, $6, $7, $8, $6)
        on conflict (list_id, minute) do update set
            version = excluded.version, credential = excluded.credential, signed_at = excluded.signed_at,
            ttl_ms = excluded.ttl_ms, token = excluded.token, token_signed_at = excluded.token_signed_at
        where kept.version < excluded.version
        """,
        [
            (
                each.list_id, each.version, each.institution_id, each.purpose,
                orjson.dumps(each.credential).decode(), each.signed_at, each.ttl_ms, each.token,
            )
            for each in lists
        ],
    )  # fmt: skip


async def current_list(tx: Tx, list_id: UUID) -> Record | None:
    """Return the newest version of a status list."""
    return await tx.fetchrow(
        f"select {_LIST} from status_list_versions where list_id = $1 order by version desc limit 1",  # noqa: S608  # ours
        list_id,
    )


async def list_as_of(tx: Tx, list_id: UUID, time: datetime) -> Record | None:
    """Return the last version kept of those that were signed by `time`."""
    return await tx.fetchrow(
        f"""
        select {_LIST} from status_list_versions
        where list_id = $1 and minute <= $2 and signed_at <= $2 order by minute desc limit 1
        """,  # noqa: S608  # columns of ours
        list_id,
        time,
    )


async def drop_lists(tx: Tx, before: datetime) -> int:
    """Delete versions signed before a time, but for the last one of each list: it was in force then."""
    done: str = await tx.execute(
        """
        delete from status_list_versions v where signed_at < $1 and exists (
            select from status_list_versions l
            where l.list_id = v.list_id and l.signed_at < $1 and l.version > v.version)
        """,
        before,
    )
    return int(done.rpartition(" ")[2])


async def achievement(tx: Tx, achievement_id: UUID, number: int) -> Record | None:
    """Return one published version of an achievement with its institution's DID, without its image."""
    return await tx.fetchrow(
        """
        select a.achievement, i.did from achievements a left join institutions i on i.id = a.institution_id
        where achievement_id = $1 and number = $2
        """,
        achievement_id,
        number,
    )


async def image(tx: Tx, achievement_id: UUID, number: int) -> bytes | None:
    """Return the PNG of one published version of an achievement."""
    png: bytes | None = await tx.fetchval(
        "select image from achievements where achievement_id = $1 and number = $2", achievement_id, number
    )
    return png


async def badge_image(tx: Tx, credential_id: UUID) -> bytes | None:
    """Return the PNG of the very version of an achievement for which a badge was issued."""
    png: bytes | None = await tx.fetchval(
        """
        select a.image from public_credential($1) c
        join achievements a on a.achievement_id = c.achievement_id and a.number = c.achievement_version
        """,
        credential_id,
    )
    return png


async def empty_projections(tx: Tx) -> None:
    """Delete every copy of others' state."""
    await tx.execute("delete from institutions")
    await tx.execute("delete from achievements")
    await tx.execute("delete from api_keys")
    await tx.execute("delete from credential_states")
