"""A badge replaces or renews another: both are linked, and a replaced one revoked, as the new one is stored."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.issuer.domain import succession
from services.issuer.domain.formats import Formats
from services.issuer.domain.plan import AnyOrder, Order, Plan, Predecessor, Signed
from services.issuer.domain.row import Row
from services.issuer.domain.status import refuse_succession
from services.issuer.handlers import changing
from services.issuer.handlers.changing import Change
from services.issuer.store import credentials as store
from shared import db
from shared.db import Tx
from shared.errors import LaurelError, NotFound
from shared.web.auth import Principal
from shared.web.etag import refuse_stale

# The achievement, the order, and the formats of a badge that is to be issued.
Ordered = tuple[UUID, Order, Formats]


async def existing(tx: Tx, institution_id: UUID, credential_ids: Collection[UUID]) -> Mapping[UUID, Row]:
    """Return those of `credential_ids` that an institution has, each with its document, address and token."""
    return await store.whole(tx, institution_id, credential_ids)


def replacement(found: Mapping[UUID, Row], predecessor: Predecessor, changes: Mapping[str, Any]) -> Ordered:
    """Return what is to be issued in place of a badge among `found`: the same, but for `changes` (members of an order).

    Raises NotFound, Conflict (`not_a_badge`). Whether that may be done is found out as it is issued.
    """
    old = _badge(found, predecessor.id)
    return old["achievement_id"], succession.replacement(old, predecessor, changes), succession.formats_of(old)


async def renewal(tx: Tx, institution_id: UUID, predecessor: Predecessor, dates: Mapping[str, Any]) -> Ordered:
    """Return what is to be issued to continue a badge, as `replacement` does.

    Raises Invalid (`renewal_ends_earlier`) as well.
    """
    old = _badge(await existing(tx, institution_id, [predecessor.id]), predecessor.id)
    order = succession.renewal(old, predecessor, dates, await db.now(tx))
    return old["achievement_id"], order, succession.formats_of(old)


async def refusals(tx: Tx, plan: Plan, orders: Mapping[int, AnyOrder]) -> dict[int, LaurelError]:
    """Lock the badges that orders are to replace or renew; return for each row that can't why not.

    A badge's order is the one order that names it.
    """
    wanted = {row: order.predecessor for row, order in orders.items() if order.predecessor}
    found = await _lock(tx, plan.institution_id, wanted.values())
    refused: dict[int, LaurelError] = {}
    for row, predecessor in wanted.items():
        try:
            _refuse(found.get(predecessor.id), predecessor, plan.now)
        except LaurelError as error:
            refused[row] = error.kept()
    return refused


async def succeed(tx: Tx, principal: Principal, stored: Sequence[Signed]) -> None:
    """Link new badges with those that they replace or renew, which `refusals` has locked and not refused.

    Last in a transaction, as `change_all` is.
    """
    new = {each.draft.order.predecessor: each.draft.id for each in stored if each.draft.order.predecessor}
    renewed = {each.id: successor for each, successor in new.items() if each.command == "renew"}
    if renewed:
        await store.set_renewed_by(tx, renewed)
    rows = await _lock(tx, principal.tenant_id, [each for each in new if each.command == "replace"])
    replaced = [
        Change(rows[each.id], "replace", each.reason, successor) for each, successor in new.items() if each.id in rows
    ]
    await changing.change_all(tx, principal, replaced)


def _refuse(credential: Row | None, predecessor: Predecessor, now: datetime) -> None:
    if credential is None:
        raise _unknown()
    refuse_succession(credential, predecessor.command, now)
    refuse_stale(predecessor.if_match, credential["version"])


async def _lock(tx: Tx, institution_id: UUID, predecessors: Collection[Predecessor]) -> dict[UUID, Row]:
    ids = [each.id for each in predecessors]
    return await store.lock_all(tx, institution_id, ids) if ids else {}


def _badge(found: Mapping[UUID, Row], credential_id: UUID) -> Row:
    if credential_id not in found:
        raise _unknown()
    succession.refuse_generic(found[credential_id])
    return found[credential_id]


def _unknown() -> NotFound:
    return NotFound("credential_not_found", "There is no credential with this id.")
