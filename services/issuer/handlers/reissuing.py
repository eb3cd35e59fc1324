"""Badges are issued once more as they are, under the key in use now, each in place of the old one."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from services.issuer.domain.formats import Formats
from services.issuer.domain.plan import Order, Predecessor
from services.issuer.handlers import succeeding
from services.issuer.handlers.issuing import CHUNK, Issuing
from services.issuer.handlers.storing import Requester
from shared.db import Database
from shared.errors import LaurelError
from shared.messaging.events import Reason

Outcomes = dict[UUID, UUID | LaurelError]


async def reissue(
    database: Database, issuing: Issuing, requester: Requester, credential_ids: Sequence[UUID], reason: Reason
) -> Outcomes:
    """Issue an institution's badges once more, with the same contents; return each one's new badge or why it has none.

    Each is replaced in the transaction that stores the new one, chunk by chunk, so that a caller that was killed calls
    again: what was done by then is Conflict (`already_replaced`, with the new badge's `id`). So are `not_a_badge`,
    `already_renewed` and `status_does_not_allow`. Raises what ends a whole chunk, as `Issuing.batch` does. The
    requester needs no attempts: there is one new badge of each old one anyway.
    """
    outcomes: Outcomes = {}
    for start in range(0, len(credential_ids), CHUNK):
        chunk = credential_ids[start : start + CHUNK]
        wanted, refused = await _wanted(database, requester, chunk, reason)
        outcomes |= refused
        for (achievement_id, formats), orders in wanted.items():
            results = await issuing.batch(requester, achievement_id, orders, formats)
            outcomes |= {chunk[row]: made for row, made in results.outcomes.items()}
    return outcomes


async def _wanted(
    database: Database, requester: Requester, credential_ids: Sequence[UUID], reason: Reason
) -> tuple[dict[tuple[UUID, Formats], dict[int, Order]], Outcomes]:
    """Return what is to be issued, by achievement and formats and then by place, and what can't be."""
    institution_id = requester.principal.tenant_id
    wanted: dict[tuple[UUID, Formats], dict[int, Order]] = defaultdict(dict)
    refused: Outcomes = {}
    async with database.transaction(institution_id) as tx:
        found = await succeeding.existing(tx, institution_id, credential_ids)
    for row, credential_id in enumerate(credential_ids):
        predecessor = Predecessor(credential_id, "replace", reason)
        try:
            achievement_id, order, formats = succeeding.replacement(found, predecessor, {})
        except LaurelError as error:
            refused[credential_id] = error.kept()
        else:
            wanted[achievement_id, tuple(formats)][row] = order
    return wanted, refused
