"""Status lists: numbers to give out, changes to sign, signed lists."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.issuer.domain.row import Row
from shared.bell import leave_work_for
from shared.credentials.keys import Algorithm
from shared.db import Tx
from shared.messaging.events import Purpose

LIST_SIGNER = "list_signer"  # shared.bell


async def take_numbers(tx: Tx, institution_id: UUID, purpose: Purpose, count: int) -> Row | None:
    """Take `count` numbers of the open list (`id`, `first`, `size`, `left`, `secret`); None where it has fewer."""
    return await tx.fetchrow(
        """
        update status_lists set next = next + $3
        where institution_id = $1 and purpose = $2 and open and next + $3 <= size
        returning id, next - $3 as first, size, size - next as left, secret
        """,
        institution_id,
        purpose,
        count,
    )


async def open_waiting(tx: Tx, institution_id: UUID, purpose: Purpose, count: int) -> None:
    """Close the open list if it has fewer than `count` numbers left; where none is open, open the one that waits."""
    await tx.execute(
        """
        update status_lists set open = false
        where institution_id = $1 and purpose = $2 and open and next + $3 > size
        """,
        institution_id,
        purpose,
        count,
    )
    await tx.execute(
        """
        update status_lists set open = true, waiting = false
        where institution_id = $1 and purpose = $2 and waiting
              and not exists (select from status_lists where institution_id = $1 and purpose = $2 and open)
        """,
        institution_id,
        purpose,
    )


async def insert(
    tx: Tx, institution_id: UUID, purpose: Purpose, *, waiting: bool, list_id: UUID, size: int, secret: bytes
) -> None:
    """Insert a list, open, or to be opened after the open one; where there is one already, it is nothing."""
    leave_work_for(LIST_SIGNER)
    await tx.execute(
        """
        insert into status_lists (id, institution_id, purpose, size, secret, open, waiting)
        values ($1, $2, $3, $4, $5, not $6, $6) on conflict do nothing
        """,
        list_id,
        institution_id,
        purpose,
        size,
        secret,
        waiting,
    )


async def leave_behind(tx: Tx, institution_id: UUID, did: str) -> list[Purpose]:
    """Close an institution's lists to further credentials: they stay those of the DID that it had until now.

    Returns the purposes for which one was open.
    """
    rows = await tx.fetch(
        """
        with left_behind as (select id, open from status_lists where institution_id = $1 and did is null for update)
        update status_lists l set open = false, waiting = false, did = $2
        from left_behind where l.id = left_behind.id returning l.purpose, left_behind.open as was_open
        """,
        institution_id,
        did,
    )
    return sorted(row["purpose"] for row in rows if row["was_open"])


async def mark_changed(tx: Tx, list_ids: Collection[UUID]) -> None:
    """Have lists signed anew: bits in them have changed."""
    await _mark(tx, "id = any($1::uuid[])", list(list_ids))


async def mark_all_changed(tx: Tx, institution_id: UUID) -> None:
    """Have every list of an institution signed anew."""
    await _mark(tx, "institution_id = $1", institution_id)


async def _mark(tx: Tx, condition: str, value: object) -> None:
    leave_work_for(LIST_SIGNER)
    # In the order in which whoever takes numbers meets them, so that nobody waits for whoever waits for him.
    await tx.execute(
        f"""
        update status_lists set changes = changes + 1
        where id in (select id from status_lists where {condition} order by purpose, id for no key update)
        """,  # noqa: S608  # conditions of ours
        value,
    )


async def due(tx: Tx, limit: int, window: timedelta, without: Sequence[UUID], algorithm: Algorithm) -> Sequence[Row]:
    """Return up to `limit` lists to be signed but those of `without`, with bits and key (of a kind), as of one moment.

    A list is due when a bit has changed since its last signature and that is `window` old, or at half of its validity.
    The key is that of the list's own DID: the one in use, or of a former DID the last one that was.
    """
    return await tx.fetch(
        """
        select l.id, l.institution_id, l.purpose, l.size, l.changes, l.epoch, l.n, laurel_clock() as now,
               array(select index from status_positions p where p.list_id = l.id and p.raised) as raised,
               k.did, k.id as signing_key_id, k.verification_method, k.sealed
        from status_lists l
        join institutions i on i.id = l.institution_id
        cross join lateral (
            select * from signing_keys
            where institution_id = i.id and did = coalesce(l.did, i.did) and algorithm = $4
            order by retired_at desc nulls first limit 1
        ) k
        where (l.changes > l.signed_changes or l.renew_at <= laurel_clock())
              and l.id <> all($3::uuid[])
              -- A signature dated ahead (the clock was set back) must not keep a revocation from the next one.
              and (l.signed_at is null or l.signed_at not between laurel_clock() - $2::interval and laurel_clock())
        order by l.id limit $1
        """,
        limit,
        window,
        without,
        algorithm,
    )


async def store_signed(
    tx: Tx, due: Row, credential: str, token: str, *, signed_at: datetime, valid_until: datetime, renew_at: datetime
) -> Row | None:
    """Store a list's next signature; None where another worker has signed it since it was read."""
    return await tx.fetchrow(
        """
        update status_lists set signed_changes = $4, n = n + 1, credential = $5, signed_at = $6, valid_until = $7,
                                renew_at = $8, token = $9, token_signed_at = $6
        where id = $1 and epoch = $2 and n = $3 returning *
        """,
        due["id"],
        due["epoch"],
        due["n"],
        due["changes"],
        credential,
        signed_at,
        valid_until,
        renew_at,
        token,
    )


async def signed_in_order_of_ids(tx: Tx, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return up to `limit` lists that have been signed, of all institutions, from after the id `after`."""
    return await tx.fetch(
        "select * from status_lists where n > 0 and ($1::uuid is null or id > $1) order by id limit $2",
        after,
        limit,
    )


async def lock_signed(tx: Tx, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return what `signed_in_order_of_ids` does, locked."""
    return await tx.fetch(
        """
        select * from status_lists where n > 0 and ($1::uuid is null or id > $1) order by id limit $2 for update
        """,
        after,
        limit,
    )
