"""What institutions decide for themselves, and what holds where they have decided nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.issuer.domain.row import Row
from shared.db import Tx

# So many days before its end a badge is spoken of.
EXPIRING_DAYS = (60, 30, 7)


async def of(tx: Tx, institution_id: UUID) -> Row | None:
    """Return `version`, `expiring_days`, `second_key_confirms` of an institution; version 0: it has decided nothing."""
    return await tx.fetchrow(
        """
        select coalesce(s.version, 0) as version, coalesce(s.expiring_days, $2) as expiring_days,
               coalesce(s.second_key_confirms, false) as second_key_confirms
        from institutions i left join institution_settings s on s.institution_id = i.id where i.id = $1
        """,
        institution_id,
        EXPIRING_DAYS,
    )


async def put(
    tx: Tx,
    institution_id: UUID,
    expiring_days: Sequence[int],
    *,
    second_key_confirms: bool,
    at: datetime,
    actor_role: str,
    actor_key_id: str,
) -> None:
    """Write an institution's settings, whether it has any or not."""
    await tx.execute(
        """
        insert into institution_settings as present
            (institution_id, expiring_days, second_key_confirms, changed_at, actor_role, actor_key_id)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (institution_id) do update set
            version = present.version + 1, expiring_days = excluded.expiring_days,
            second_key_confirms = excluded.second_key_confirms, changed_at = excluded.changed_at,
            actor_role = excluded.actor_role, actor_key_id = excluded.actor_key_id
        """,
        institution_id,
        expiring_days,
        second_key_confirms,
        at,
        actor_role,
        actor_key_id,
    )
