"""Where each consumer goes on: offsets that are stored with the effects, and fence whoever lost a partition."""

from collections.abc import Collection, Mapping

from shared.db import Tx
from shared.messaging.cloudevents import source_of
from shared.messaging.ports import Partition

# Stored for a partition from which nothing has been taken yet.
EARLIEST = -1


class Fenced(Exception):
    """Another instance has gone on with this partition, or it was rewound: what was done here must not count."""


async def load(tx: Tx, consumer: str, partitions: Collection[Partition]) -> dict[Partition, int]:
    """Return where `consumer` goes on in each partition: an offset, or EARLIEST."""
    await tx.execute(
        """
        insert into consumer_offsets (consumer, topic, partition, next)
        select $1, topic, partition, -1 from unnest($2::text[], $3::smallint[]) as p(topic, partition)
        order by topic, partition on conflict do nothing
        """,
        consumer,
        *_columns(partitions),
    )
    return await stored(tx, consumer, partitions)


async def stored(tx: Tx, consumer: str, partitions: Collection[Partition]) -> dict[Partition, int]:
    """Return what is stored of `partitions`."""
    rows = await tx.fetch(
        """
        select topic, partition, next from consumer_offsets
        join unnest($2::text[], $3::smallint[]) as p(topic, partition) using (topic, partition) where consumer = $1
        """,
        consumer,
        *_columns(partitions),
    )
    return {Partition(row["topic"], row["partition"]): row["next"] for row in rows}


async def advance(tx: Tx, consumer: str, moves: Mapping[Partition, tuple[int, int]]) -> None:
    """Move each partition from the first of two offsets to the second; raises Fenced where one is not at the first.

    It comes first in its transaction: the rows' locks then keep a zombie, and a rewind, away from the effects.
    """
    before, after = zip(*moves.values(), strict=True)
    done: str = await tx.execute(
        """
        update consumer_offsets as o set next = m.after
        from unnest($2::text[], $3::smallint[], $4::bigint[], $5::bigint[]) as m(topic, partition, before, after)
        where o.consumer = $1 and o.topic = m.topic and o.partition = m.partition and o.next = m.before
        """,
        consumer,
        *_columns(moves),
        before,
        after,
    )
    if done != f"UPDATE {len(moves)}":
        raise Fenced(consumer)


async def rewind(tx: Tx, consumer: str) -> None:
    """Let `consumer` begin anew with the earliest record; a running one notices within seconds.

    For projections that their topics can fill again, before they are emptied in the same transaction (the order
    matters: from here on no effect of the running consumer can be under way). What it held is on the topics, and how
    fresh its copies were no longer counts.
    """
    rows = await tx.fetch("update consumer_offsets set next = -1 where consumer = $1 returning topic", consumer)
    await tx.execute("delete from inbox_claims where consumer = $1", consumer)
    await tx.execute("delete from held_records where consumer = $1", consumer)
    sources = {source_of(row["topic"]) for row in rows}
    await tx.execute("delete from heartbeats where source = any($1::text[])", list(sources))


async def restart(tx: Tx, consumer: str) -> int:
    """Let `consumer` go on at the earliest record that is there, and a stopped one begin to; return its partitions.

    Claims stay, so what comes a second time has no second effect, and so does what it holds.
    """
    done: str = await tx.execute("update consumer_offsets set next = -1 where consumer = $1", consumer)
    return int(done.rpartition(" ")[2])


def _columns(partitions: Collection[Partition]) -> tuple[list[str], list[int]]:
    return [each.topic for each in partitions], [each.number for each in partitions]
