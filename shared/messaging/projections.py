"""Copies of others' state, newest version wins, and how fresh they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from shared.db import Tx
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import Heartbeat


async def upsert(tx: Tx, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `rows` (all with the same columns, `version` among them) into `table`; a row as new or newer stays.

    The table's primary key must have the name that PostgreSQL gives it, `<table>_pkey`. Values are what JSON can say,
    and UUIDs, datetimes and bytes.
    """
    if not rows:
        return
    columns = ", ".join(f'"{name}"' for name in rows[0])
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in rows[0])
    # Row by row (asyncpg sends them in one go): one statement may not touch a row twice, and a batch may.
    await tx.executemany(
        f"""
        insert into {table} as present ({columns})
        select {columns} from jsonb_populate_record(null::{table}, $1::text::jsonb)
        on conflict on constraint {table}_pkey do update set {changes} where present.version < excluded.version
        """,  # noqa: S608  # table and columns are names in our own code
        [(orjson.dumps(row, default=_bytea).decode(),) for row in rows],
    )


async def store_heartbeats(tx: Tx, beats: Sequence[Delivery]) -> None:
    """Remember up to when each source's shard is here.

    A beat stands behind the records it speaks for, in the same partition: those are applied, parked or buried by now.
    The last one counts, not the one with the highest time, and none is from the future: a clock that was ahead for a
    moment must not vouch for a relay that has died since.
    """
    last: dict[tuple[str, int], datetime] = {}
    for each in beats:
        if isinstance(each.message, Heartbeat):
            last[each.source, each.message.shard] = each.message.time
    await tx.executemany(
        """
        insert into heartbeats (source, shard, time) values ($1, $2, least($3, laurel_clock()))
        on conflict (source, shard) do update set time = excluded.time
        """,
        [(source, shard, time) for (source, shard), time in sorted(last.items())],
    )


def _bytea(value: Any) -> str:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(f"{type(value).__name__} has no place in a projection")
