"""Achievements: drafts that change, and published versions that never do."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from services.issuer import images
from services.issuer.domain import achievements as domain
from services.issuer.domain import changes, messages
from services.issuer.domain.lint import refuse_unfit_achievement
from services.issuer.domain.plan import purposes_of
from services.issuer.domain.row import Row
from services.issuer.handlers.places import have_ready
from services.issuer.handlers.recording import record
from services.issuer.handlers.telling import tell
from services.issuer.store import achievements as store
from shared import db
from shared.db import Tx
from shared.errors import NotFound
from shared.ids import new_id
from shared.web import idempotency
from shared.web.auth import Principal
from shared.web.etag import refuse_stale
from shared.web.idempotency import Attempt

Content = Mapping[str, Any]


async def define(tx: Tx, institution_id: UUID, content: Content, attempt: Attempt | None) -> Row:
    """Make an achievement whose version 1 is a draft; return it."""
    achievement_id = new_id()
    made = await idempotency.claim(tx, attempt, achievement_id)
    if made is None:
        content = domain.with_result_ids(content, iter(new_id, None))
        await store.insert(tx, institution_id, achievement_id, content, await db.now(tx))
    return await existing(tx, institution_id, made or achievement_id)


async def existing(tx: Tx, institution_id: UUID, achievement_id: UUID, *, lock: bool = False) -> Row:
    """Return an achievement with its newest version; raises NotFound where there is none, or it is another tenant's."""
    row = await store.newest(tx, institution_id, achievement_id, lock=lock)
    if row is None:
        raise NotFound("achievement_not_found", "There is no achievement with this id.")
    return row


async def replace_content(
    tx: Tx, institution_id: UUID, achievement_id: UUID, content: Content, if_match: str | None
) -> Row:
    """Write the draft anew, or begin the next version after a published one; return it. Raises PreconditionFailed."""
    row = await existing(tx, institution_id, achievement_id, lock=True)
    return await _draft(tx, row, domain.with_result_ids(content, iter(new_id, None)), row["image"], if_match)


async def replace_image(tx: Tx, institution_id: UUID, achievement_id: UUID, image: bytes, if_match: str | None) -> Row:
    """Give the draft (or the next version) another image, a PNG; return it. Raises PreconditionFailed."""
    row = await existing(tx, institution_id, achievement_id, lock=True)
    return await _draft(tx, row, row["content"], image, if_match)


async def publish(
    tx: Tx, who: Principal, achievement_id: UUID, if_match: str | None, public_url: str, list_size: int
) -> Row:
    """Freeze the draft: from now on it is what is issued. A version that is published already stays as it is.

    The status lists of its badges are made, where there are none, so that they are signed before there is a badge.
    Raises PreconditionFailed, Invalid where strict readers would refuse its badges, TooLarge where content and image do
    not fit into a record.
    """
    row = await existing(tx, who.tenant_id, achievement_id, lock=True)
    refuse_stale(if_match, row["revision"])
    if row["latest"] == row["published"]:
        return row
    number, now = row["latest"], await db.now(tx)
    badge_form = domain.badge_form(row["content"], achievement_id, number, public_url)
    refuse_unfit_achievement(badge_form)
    image = row["image"] or await images.drawn(row["content"]["name"], row["content"].get("color"))
    published = await store.publish(tx, achievement_id, number, orjson.dumps(badge_form).decode(), image, now)
    await store.advance(tx, achievement_id, number, number)
    await tell(tx, (messages.achievement(published), now))
    await record(tx, who, changes.achievement(published))
    await have_ready(tx, who.tenant_id, purposes_of(suspendable=row["content"].get("suspendable", False)), list_size)
    return await existing(tx, who.tenant_id, achievement_id)


async def _draft(tx: Tx, row: Row, content: Content, image: bytes | None, if_match: str | None) -> Row:
    refuse_stale(if_match, row["revision"])
    number = domain.draft_number(row["latest"], row["published"])
    await store.put_draft(tx, row["institution_id"], row["id"], number, content, image)
    await store.advance(tx, row["id"], number, row["published"])
    return await existing(tx, row["institution_id"], row["id"])
