"""What is recorded of institutions, signing keys and achievements for the transparency log, and what is missing."""

from collections.abc import Collection, Sequence
from uuid import UUID

from services.issuer.domain.row import Row
from shared.db import Tx
from shared.messaging.events import AchievementPublished, InstitutionStandingChanged, SigningKeyChanged


async def insert(tx: Tx, row: Row) -> bool:
    """Insert a change; False where this version of its aggregate is recorded already."""
    inserted = await tx.fetchval(
        """
        insert into recorded_changes (event_id, type, key, version, institution_id, time, salt, actor_role,
                                      actor_key_id, content, backfilled)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        on conflict (type, key, version) do nothing returning true
        """,
        row["event_id"], row["type"], row["key"], row["version"], row["institution_id"], row["time"], row["salt"],
        row["actor_role"], row["actor_key_id"], row["content"], row["backfilled"],
    )  # fmt: skip
    return bool(inserted)


async def page(tx: Tx, after: int | None, limit: int) -> Sequence[Row]:
    """Return up to `limit` changes with their salts, in the order in which they were recorded, after the id `after`."""
    return await tx.fetch(
        "select * from recorded_changes where id > $1 and salt is not null order by id limit $2", after or 0, limit
    )


async def in_order_of_events(tx: Tx, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return up to `limit` changes in the order of their events' ids, after the event `after`."""
    return await tx.fetch(
        """
        select * from recorded_changes where $1::uuid is null or event_id > $1 order by event_id limit $2
        """,
        after,
        limit,
    )


# An institution's or key's first and last versions are what can be told of it afterwards.


async def standings(tx: Tx, institution_ids: Collection[UUID]) -> dict[str, list[Row]]:
    """Return what is recorded of institutions' standing, by their ids as text: `version`, `standing`, `time`."""
    rows = await tx.fetch(
        """
        select key, version, content->>'standing' as standing, time from recorded_changes
        where type = $1 and key = any($2::text[]) order by version
        """,
        InstitutionStandingChanged.TYPE,
        [str(each) for each in institution_ids],
    )
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["key"], []).append(row)
    return found


async def lock_institutions_missing(tx: Tx, limit: int) -> Sequence[Row]:
    """Lock and return up to `limit` institutions of which something is not recorded."""
    return await tx.fetch(
        """
        select * from institutions i
        where (select count(*) from recorded_changes where type = $1 and key = i.id::text) < least(i.version, 2)
        order by id limit $2 for no key update
        """,
        InstitutionStandingChanged.TYPE,
        limit,
    )


async def lock_signing_keys_missing(tx: Tx, limit: int) -> Sequence[Row]:
    """Lock and return up to `limit` signing keys of which something is not recorded."""
    return await tx.fetch(
        """
        select * from signing_keys k
        where (select count(*) from recorded_changes where type = $1 and key = k.id::text) < least(k.version, 2)
        order by id limit $2 for no key update
        """,
        SigningKeyChanged.TYPE,
        limit,
    )


async def lock_achievements_missing(tx: Tx, limit: int) -> Sequence[Row]:
    """Lock and return up to `limit` published versions of achievements that are not recorded, without their images."""
    return await tx.fetch(
        """
        select achievement_id, number, institution_id, content, badge_form, published_at from achievement_versions v
        where published_at is not null
              and not exists (
                  select from recorded_changes where type = $1 and key = v.achievement_id || '/' || v.number)
        order by achievement_id, number limit $2 for no key update
        """,
        AchievementPublished.TYPE,
        limit,
    )


async def first_keys(tx: Tx, institution_ids: Collection[UUID]) -> dict[UUID, Row]:
    """Return `did` and `created_at` of each institution's first signing key."""
    rows = await tx.fetch(
        """
        select distinct on (institution_id) institution_id, did, created_at from signing_keys
        where institution_id = any($1::uuid[]) order by institution_id, created_at, id
        """,
        list(institution_ids),
    )
    return {row["institution_id"]: row for row in rows}
