"""Places in status lists: numbers taken from the open list, and the next list signed before a badge points into it."""

import secrets
from collections.abc import Iterable
from uuid import UUID

from services.issuer.domain.plan import Numbers
from services.issuer.store import lists
from shared.db import Tx
from shared.errors import Unavailable
from shared.ids import new_id
from shared.messaging.events import Purpose

# How often a list is looked for that others fill at the same time.
TRIES = 3
# The next list is made when this part of the open one is left: some 16,000 badges, and it is signed within a second.
AHEAD = 8


async def take_numbers(tx: Tx, institution_id: UUID, purpose: Purpose, count: int, size: int) -> Numbers:
    """Take consecutive numbers for `count` badges; a new list has `size` entries. Raises Unavailable."""
    for _ in range(TRIES):
        taken = await lists.take_numbers(tx, institution_id, purpose, count)
        if taken is None:
            await _open(tx, institution_id, purpose, count, size)
            continue
        if taken["left"] < taken["size"] // AHEAD:
            await _insert(tx, institution_id, purpose, size, waiting=True)
        return Numbers(taken["id"], purpose, taken["first"], taken["size"], taken["secret"])
    raise Unavailable("status_lists_busy", "Too many badges are being issued at present.", retry_after=1)


async def have_ready(tx: Tx, institution_id: UUID, purposes: Iterable[Purpose], size: int) -> None:
    """Open a list for each purpose that has none, before there is a badge for it."""
    for purpose in purposes:
        await _open(tx, institution_id, purpose, 0, size)


async def _open(tx: Tx, institution_id: UUID, purpose: Purpose, count: int, size: int) -> None:
    await lists.open_waiting(tx, institution_id, purpose, count)
    await _insert(tx, institution_id, purpose, size, waiting=False)


async def _insert(tx: Tx, institution_id: UUID, purpose: Purpose, size: int, *, waiting: bool) -> None:
    secret = secrets.token_bytes(32)
    await lists.insert(tx, institution_id, purpose, waiting=waiting, list_id=new_id(), size=size, secret=secret)
