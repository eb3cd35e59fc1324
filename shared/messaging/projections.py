"""Copies of others' state, newest version wins, and how fresh they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from shared.db import Tx
from shared.messaging.cloudevents import Delivery
from shared.messaging.events import Heartbeat


async def upsert(tx: Tx, table: str, rows: Sequence[Mapping[str, Any]], key: Sequence[str] = ("id",)) -> None:
    """Write `rows` (all with the same columns, `version` among them) into `table`; a row as new or newer stays.

    `key` are the columns of the table's primary key. Values are what JSON can say, and UUIDs, datetimes and bytes.
    """
    if not rows:
        return
    newest: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:  # one statement may not touch a row twice, and a batch may
        place = tuple(row[name] for name in key)
        if place not in newest or newest[place]["version"] < row["version"]:
            newest[place] = row
    columns = ", ".join(f'"{name}"' for name in rows[0])
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in rows[0])
    # In the order of their keys: two that write the same rows would else wait for each other.
    ordered = [newest[place] for place in sorted(newest)]
    await tx.execute(
        f"""
        insert into {table} as present ({columns})
        select {columns} from json_populate_recordset(null::{table}, $1::text::json)
        on conflict ({", ".join(f'"{name}"' for name in key)})
        do update set {changes} where present.version < excluded.version
        """,  # noqa: S608  # table and columns are names in our own code
        orjson.dumps(ordered, default=_bytea).decode(),
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
