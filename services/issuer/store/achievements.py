"""Achievements and their versions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.issuer.domain.row import Row
from shared.db import Tx

_SELECT = """
    select a.id, a.institution_id, a.revision, a.latest, a.published, a.created_at, v.content, v.image, v.published_at
    from achievements a join achievement_versions v on (v.achievement_id, v.number) = (a.id, a.latest)
"""


async def insert(tx: Tx, institution_id: UUID, achievement_id: UUID, content: Mapping[str, Any], at: datetime) -> None:
    """Insert an achievement whose version 1 is a draft."""
    await tx.execute(
        """
        insert into achievements (id, institution_id, revision, latest, created_at) values ($1, $2, 1, 1, $3)
        """,
        achievement_id,
        institution_id,
        at,
    )
    await put_draft(tx, institution_id, achievement_id, 1, content, None)


async def put_draft(
    tx: Tx, institution_id: UUID, achievement_id: UUID, number: int, content: Mapping[str, Any], image: bytes | None
) -> None:
    """Write the draft `number`, whether it is there or not."""
    await tx.execute(
        """
        insert into achievement_versions (achievement_id, number, institution_id, content, image)
        values ($1, $2, $3, $4, $5)
        on conflict (achievement_id, number) do update set content = excluded.content, image = excluded.image
        """,
        achievement_id,
        number,
        institution_id,
        content,
        image,
    )


async def advance(tx: Tx, achievement_id: UUID, latest: int, published: int | None) -> None:
    """Say which versions are the newest and the published one now; the entity tag changes."""
    await tx.execute(
        "update achievements set revision = revision + 1, latest = $2, published = $3 where id = $1",
        achievement_id,
        latest,
        published,
    )


async def publish(tx: Tx, achievement_id: UUID, number: int, badge_form: str, image: bytes, at: datetime) -> Row:
    """Freeze a version; return it."""
    row: Row | None = await tx.fetchrow(
        """
        update achievement_versions set badge_form = $3, image = $4, published_at = $5
        where achievement_id = $1 and number = $2 and published_at is null returning *
        """,
        achievement_id,
        number,
        badge_form,
        image,
        at,
    )
    if row is None:
        raise LookupError("a draft that was locked is gone")
    return row


async def newest(tx: Tx, institution_id: UUID, achievement_id: UUID, *, lock: bool = False) -> Row | None:
    """Return an achievement with its newest version, locked against changes where `lock`."""
    return await tx.fetchrow(
        f"{_SELECT} where a.id = $1 and a.institution_id = $2 {'for update of a' if lock else ''}",
        achievement_id,
        institution_id,
    )


async def page(tx: Tx, institution_id: UUID, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Row]:
    """Return up to `limit` achievements with their newest versions, oldest first, from after the place `after`."""
    return await tx.fetch(
        f"""
        {_SELECT}
        where a.institution_id = $1 and ($2::timestamptz is null or (a.created_at, a.id) > ($2, $3::uuid))
        order by a.created_at, a.id limit $4
        """,
        institution_id,
        *(after or (None, None)),
        limit,
    )


async def lock_page(tx: Tx, after: UUID | None, limit: int) -> Sequence[Row]:
    """Lock and return up to `limit` of all achievements in the order of their ids, from after the id `after`."""
    return await tx.fetch(
        "select * from achievements where $1::uuid is null or id > $1 order by id limit $2 for update", after, limit
    )


async def published_versions(tx: Tx, achievement_id: UUID) -> Sequence[Row]:
    """Return an achievement's published versions, oldest first."""
    return await tx.fetch(
        """
        select * from achievement_versions where achievement_id = $1 and published_at is not null order by number
        """,
        achievement_id,
    )
