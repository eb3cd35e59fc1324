"""Records that a consumer could not handle: parked ones are tried again, buried ones (dead letters) wait for a word."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.db import Tx
from shared.messaging.ports import Partition, Received

Cause = Literal["failed", "gap", "unknown_type", "behind", "ill_formed"]


@dataclass(frozen=True)
class Retries:
    """A parked record is tried `attempts` times in all, `first` seconds after failing, then twice as late each time.

    A gap is no failure of its record: it is tried again every `gap` seconds, and at once when its key moves on.
    """

    attempts: int = 10
    first: float = 0.5
    longest: float = 60.0
    gap: float = 5.0

    def delay(self, attempts: int) -> float:
        """Return the seconds to wait after `attempts` tries."""
        return min(self.first * 2.0 ** (attempts - 1), self.longest)


@dataclass(frozen=True, slots=True)
class Held:
    """A record that is to be held, or is."""

    received: Received
    cause: Cause
    reason: str
    delay: float = 0.0
    attempts: int = 0
    id: int = 0

    @property
    def place(self) -> tuple[str, str | None]:
        """The topic and aggregate whose order it keeps."""
        return self.received.partition.topic, aggregate_of(self.received)


def aggregate_of(received: Received) -> str | None:
    """Return the aggregate that a record's key names; None where it names none."""
    try:
        return _storable(received.key.decode()) if received.key is not None else None
    except UnicodeDecodeError:
        return None


async def hold(tx: Tx, consumer: str, records: Iterable[Held]) -> None:
    """Store records: ill-formed ones buried, all others parked."""
    rows = [_row(consumer, each) for each in records]
    await tx.executemany(
        """
        insert into held_records (consumer, state, cause, topic, partition, "offset", aggregate, type, key,
                                  header_names, header_bytes, value, stored_at, reason, attempts, try_after)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
                case $3 when 'unknown_type' then 'infinity' else laurel_clock() + $16::float8 * interval '1 second' end)
        on conflict (consumer, topic, partition, "offset") do nothing
        """,
        rows,
    )


async def waiting(tx: Tx, consumer: str, keys: Collection[str]) -> dict[tuple[str, str], bool]:
    """Return the (topic, aggregate) pairs with a parked record, and whether it blocks later ones (a gap does not)."""
    rows = await tx.fetch(
        """
        select topic, aggregate, bool_or(cause <> 'gap') as blocks from held_records
        where consumer = $1 and state = 'parked' and aggregate = any($2::text[]) group by topic, aggregate
        """,
        consumer,
        list(keys),
    )
    return {(row["topic"], row["aggregate"]): row["blocks"] for row in rows}


async def any_parked(tx: Tx, consumer: str) -> bool:
    """Tell whether a consumer has parked records, due or not."""
    found: bool = await tx.fetchval(
        "select exists (select from held_records where consumer = $1 and state = 'parked')", consumer
    )
    return found


async def next_due(tx: Tx, consumer: str, partitions: Collection[Partition]) -> Held | None:
    """Lock and return a parked record whose time has come and before which no other of its key blocks."""
    row = await tx.fetchrow(
        """
        select h.* from held_records h
        join unnest($2::text[], $3::smallint[]) as p(topic, partition) using (topic, partition)
        where h.consumer = $1 and h.state = 'parked' and h.try_after <= laurel_clock() and not exists (
            select from held_records e where e.consumer = h.consumer and e.state = 'parked' and e.cause <> 'gap'
            and e.topic = h.topic and e.aggregate = h.aggregate and e."offset" < h."offset")
        order by h."offset" limit 1 for update of h skip locked
        """,
        consumer,
        [each.topic for each in partitions],
        [each.number for each in partitions],
    )
    return _held(row) if row else None


async def settle(tx: Tx, held: Held) -> None:
    """Let go of a record that was handled."""
    await tx.execute("delete from held_records where id = $1", held.id)


async def keep(tx: Tx, held: Held, cause: Cause, reason: str, *, delay: float, attempts: int) -> None:
    """Park a record again, for `delay` seconds (infinity: until the next start)."""
    await tx.execute(
        """
        update held_records set cause = $2, reason = $3, attempts = $5, try_after = case $2
            when 'unknown_type' then 'infinity' else laurel_clock() + $4::float8 * interval '1 second' end
        where id = $1
        """,
        held.id,
        cause,
        reason,
        delay,
        attempts,
    )


async def bury(tx: Tx, held: Held, cause: Cause, reason: str, *, attempts: int) -> None:
    """Give a record up, until an operator has it replayed; the next of its key may go on."""
    await tx.execute(
        "update held_records set state = 'buried', cause = $2, reason = $3, attempts = $4 where id = $1",
        held.id,
        cause,
        reason,
        attempts,
    )


async def wake(tx: Tx, consumer: str, places: Iterable[tuple[str, str | None]]) -> None:
    """Let the parked records of these aggregates be tried at once: something of theirs has moved on."""
    await tx.executemany(
        """
        update held_records set try_after = laurel_clock()
        where consumer = $1 and state = 'parked' and topic = $2 and aggregate = $3 and cause in ('gap', 'behind')
        """,
        [(consumer, topic, aggregate) for topic, aggregate in places],
    )


async def wake_unknown(tx: Tx, consumer: str, partitions: Collection[Partition]) -> None:
    """Let records of an unknown type be tried once more: this release may know it."""
    await tx.execute(
        """
        update held_records set try_after = laurel_clock()
        where consumer = $1 and state = 'parked' and cause = 'unknown_type' and topic = any($2::text[])
        """,
        consumer,
        list({each.topic for each in partitions}),
    )


async def counts(tx: Tx, consumer: str) -> tuple[int, int, float]:
    """Return how many records are parked, how many buried, and how many seconds the oldest parked one has waited."""
    row: Any = await tx.fetchrow(
        """
        select count(*) filter (where state = 'parked') as parked, count(*) filter (where state = 'buried') as buried,
               coalesce(extract(epoch from laurel_clock() - min(held_at) filter (where state = 'parked')), 0) as age
        from held_records where consumer = $1
        """,
        consumer,
    )
    return row["parked"], row["buried"], float(row["age"])


# --- for the operator ------------------------------------------------------------------------------------------------


async def dead_letters(tx: Tx, after: int | None, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` buried records, without their content, in the order of their ids, after the id `after`."""
    rows = await tx.fetch(
        """
        select id, consumer, topic, partition, "offset", aggregate, type, reason, attempts, held_at
        from held_records where state = 'buried' and id > $1 order by id limit $2
        """,
        after or 0,
        limit,
    )
    return [dict(row) for row in rows]


async def replay(tx: Tx, ids: Sequence[int] | None = None) -> int:
    """Park buried records (None: all of them), due now and with all their attempts; return how many there were."""
    done: str = await tx.execute(
        """
        update held_records set state = 'parked', cause = 'failed', attempts = 0, held_at = laurel_clock(),
               try_after = laurel_clock()
        where state = 'buried' and ($1::bigint[] is null or id = any($1))
        """,
        ids,
    )
    return int(done.rpartition(" ")[2])


async def discard(tx: Tx, ids: Sequence[int]) -> int:
    """Delete buried records; return how many there were. What they said is lost, and nothing waits for it any more."""
    done: str = await tx.execute("delete from held_records where state = 'buried' and id = any($1)", ids)
    return int(done.rpartition(" ")[2])


async def queues(tx: Tx) -> dict[str, int]:
    """Return how many rows wait in the outbox, were refused by the log, and how many records are parked and buried."""
    row: Any = await tx.fetchrow(
        """
        select (select count(*) from outbox where sent_at is null) as outbox,
               (select count(*) from outbox where refused is not null) as refused,
               (select count(*) from held_records where state = 'parked') as parked,
               (select count(*) from held_records where state = 'buried') as buried
        """
    )
    return dict(row)


def _row(consumer: str, held: Held) -> tuple[Any, ...]:
    received = held.received
    headers = [(_storable(name), value) for name, value in received.headers]
    kind = dict(headers).get("ce_type", b"").decode(errors="replace")
    return (
        consumer,
        "buried" if held.cause == "ill_formed" else "parked",
        held.cause,
        received.partition.topic,
        received.partition.number,
        received.offset,
        aggregate_of(received),
        _storable(kind) or None,
        received.key,
        [name for name, _ in headers],
        [value for _, value in headers],
        received.value,
        received.stored_at,
        held.reason,
        held.attempts,
        held.delay,
    )


def _held(row: Any) -> Held:
    received = Received(
        Partition(row["topic"], row["partition"]),
        row["offset"],
        row["key"],
        tuple(zip(row["header_names"], row["header_bytes"], strict=True)),
        row["value"],
        row["stored_at"],
    )
    return Held(received, row["cause"], row["reason"], attempts=row["attempts"], id=row["id"])


def _storable(text: str) -> str:
    """PostgreSQL's text has no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
