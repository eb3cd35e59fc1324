"""What the registry does with the events and states that reach it, each in the open transaction of its consumer."""

from base64 import b64decode
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.registry import reading
from services.registry.domain import leaves, rules
from services.registry.domain.rules import Change
from services.registry.store import badges, log, published, record
from shared import db
from shared.api_keys.states import row_of
from shared.db import Tx
from shared.messaging import outbox, projections
from shared.messaging.cloudevents import Delivery, messages_of
from shared.messaging.events import (
    AchievementState,
    ApiKeyContent,
    CredentialRecorded,
    CredentialState,
    InstitutionState,
    StatusListState,
    VerificationCompleted,
)
from shared.messaging.inbox import Gap
from shared.messaging.outbox import Entry


async def record_changes(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Record what the issuer did to credentials, each version once and in order, and say that it is recorded.

    That, and whatever else the issuer tells of itself here, waits for its place in the log from then on. Raises Gap
    where an earlier version has not come.
    """
    told = [each for each in map(leaves.told_in, deliveries) if each]
    await log.add_changes(tx, told)
    await log.add(tx, [each.leaf for each in told])
    changes = [change for change in map(rules.change_of, deliveries) if change]
    recorded = await record.lock_versions(tx, (change.credential_id for change in changes))
    try:
        new = rules.news(recorded, changes)
    except rules.VersionMissing as error:
        raise Gap(str(error)) from error
    if not new:
        return
    now = await db.now(tx)
    await record.add_issued(tx, [(change, change.issue) for change in new if change.issue])
    await record.set_status(tx, [change for change in new if not change.issue])
    await record.add_history(tx, new, now)
    await log.add(tx, list(map(leaves.leaf_of_change, new)))
    await outbox.add_many(tx, [_recorded(change, now) for change in new])


async def store_verifications(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Store what was verified: facts, and nothing of what was in the credential. What has a commitment is logged."""
    verifications = [(each.id, each.message) for each in deliveries if isinstance(each.message, VerificationCompleted)]
    await record.add_verifications(tx, verifications)
    await log.add(tx, [leaf for each in verifications if (leaf := leaves.leaf_of_verification(*each))])


async def copy_state(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Keep copies of what issuer and verifier say of themselves, the newest version of each, and every signed list."""
    await projections.upsert(tx, "institutions", list(map(_institution, messages_of(InstitutionState, deliveries))))
    achievements = list(map(_achievement, messages_of(AchievementState, deliveries)))
    await projections.upsert(tx, "achievements", achievements, key=("achievement_id", "number"))
    await projections.upsert(tx, "api_keys", list(map(row_of, messages_of(ApiKeyContent, deliveries))))
    await projections.upsert(tx, "credential_states", _changed(messages_of(CredentialState, deliveries)))
    await published.keep_lists(tx, list(messages_of(StatusListState, deliveries)))


async def show_badge(tx: Tx, credential_id: UUID, owner_token: str, *, whole: bool) -> None:
    """Show a badge with its learner's name to everybody, or hide them again, at the word of who holds its token.

    Raises NotFound, after the same statement, where there is no such badge or the token is not its owner's.
    """
    if not await badges.show(tx, credential_id, rules.owner_token_hash(owner_token), whole=whole):
        raise reading.unknown_badge()


async def drop_old_lists(tx: Tx) -> None:
    """Delete what is kept of status lists beyond the time for which that is promised."""
    await published.drop_lists(tx, before=await db.now(tx) - rules.LISTS_KEPT)


def _recorded(change: Change, now: datetime) -> Entry:
    message = CredentialRecorded(
        credential_id=change.credential_id,
        version=change.version,
        institution_id=change.institution_id,
        change=change.type,
        recorded_event_id=change.event_id,
        recorded_at=now,
    )
    return Entry(message, rules.recorded_event_id(change.event_id), now, change.traceparent)


def _changed(states: Iterable[CredentialState]) -> list[dict[str, Any]]:
    """Version 1 says no more than that there is such a badge: of most badges nothing need be copied."""
    return [
        {"id": each.credential_id, **each.model_dump(include={"version", "status"})}
        for each in states
        if each.version > 1
    ]


def _institution(state: InstitutionState) -> dict[str, Any]:
    columns = {"version", "slug", "name", "url", "did", "former_dids", "standing", "sandbox"}
    return {"id": state.institution_id, **state.model_dump(include=columns)}


def _achievement(state: AchievementState) -> dict[str, Any]:
    columns = {"achievement_id", "number", "version", "institution_id", "achievement"}
    image = b64decode(state.image, validate=True) if state.image else None
    return {**state.model_dump(include=columns), "image": image}
