"""Follows the state topics, for copies of the issuer's and registry's state and lost employers; tells its own again."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any

from services.verifier.domain import messages
from services.verifier.domain.freshness import new_revocations
from services.verifier.handlers import watching
from services.verifier.store import employers, freshness, known, log, verifications, watches
from shared.api_keys.states import entry_of, row_of
from shared.api_keys.store import lock_page
from shared.db import Database, Tx
from shared.messaging import outbox, positions, projections
from shared.messaging.cloudevents import Delivery, messages_of
from shared.messaging.events import (
    ApiKeyContent,
    CheckpointState,
    CredentialState,
    EmployerState,
    InstitutionState,
    LogPositionsState,
    LogPositionState,
    Message,
    SigningKeyState,
)
from shared.messaging.outbox import Entry, state_entry
from shared.messaging.ports import EVENT_RETENTION
from shared.ops import as_uuid

GROUP = "laurel.verifier.state"
BATCH = 500
# Verifications stand behind the credentials in the ledger: their ids begin with what sorts after every UUID.
_VERIFICATION = "verification:"

Row = dict[str, Any]
# Columns, not whatever a state tells: members may be added to it at any time.
_INSTITUTION = {"version", "slug", "name", "url", "did", "former_dids", "standing", "standings", "sandbox"}
_CREDENTIAL = {"version", "institution_id", "status", "positions", "document_digest", "token_digest", "history"}
_CREDENTIAL |= {"valid_from", "valid_until", "signing_key_id", "other_proof_key_ids", "replaced_by"}


async def follow(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Write states into their tables, where they are newer; what nobody here needs is passed over.

    An employer's own state comes back this way when the database was lost. It never undoes anything: a key that was
    revoked here has a higher version than the record of before.
    """
    await _note_revocations(tx, list(messages_of(CredentialState, deliveries)))
    rows: dict[str, list[Row]] = {}
    if places := [row for each in messages_of(LogPositionsState, deliveries) for row in _log_positions(each)]:
        rows["log_positions"] = places
    for delivery in deliveries:
        for kind, (table, columns_of) in _TABLES.items():
            if isinstance(delivery.message, kind):
                rows.setdefault(table, []).append(columns_of(delivery.message))
    for table, found in rows.items():
        await projections.upsert(tx, table, found, _KEYS.get(table, ("id",)))
    await watching.note(tx, deliveries)


async def rebuild(database: Database) -> None:
    """Empty the copies and let them be read anew; until they are, verdicts that rest on them are unknown."""
    async with database.transaction() as tx:
        await positions.rewind(tx, GROUP)
        await known.empty(tx)
        await log.empty(tx)


async def ledger(tx: Tx, after: str | None, limit: int) -> Sequence[Row]:
    """Return what is known of credentials here, and what was verified, line by line (shared.ops.Operations).

    Of a verification only that which the transparency log should have, if it has a salt.
    """
    found: list[Row] = []
    if not (after or "").startswith(_VERIFICATION):
        rows = await known.ledger(tx, as_uuid(after), limit)
        found, after = [{"kind": "credential", **row, "id": str(row["id"])} for row in rows], None
    place = as_uuid(after.removeprefix(_VERIFICATION)) if after else None
    verified = await verifications.batch(tx, after=place, limit=limit - len(found))
    return found + [_verification(row) for row in verified]


async def refeed(database: Database) -> int:
    """Send employers, keys, verifications and watches' events again, with the ids that they had; return how many."""
    count = 0
    for batch, told in _SOURCES:
        after = None
        while True:
            async with database.transaction() as tx:
                rows = await batch(tx, after=after, limit=BATCH)
                if not rows:
                    break
                await outbox.add_many(tx, [told(row) for row in rows])
            after = rows[-1]["id"]
            count += len(rows)
    return count


async def _note_revocations(tx: Tx, states: Sequence[CredentialState]) -> None:
    """Keep for the canary what is revoked here from now on; the copies have not taken `states` yet."""
    if states:
        versions = await freshness.versions(tx, {each.credential_id for each in states})
        await freshness.note(tx, new_revocations(versions, states))


def _verification(row: Any) -> Row:
    commitment = messages.verification(row).commitment
    return {"kind": "verification", "id": f"{_VERIFICATION}{row['id']}", "commitment": commitment}


def _institution(message: Any) -> Row:
    return {
        "id": message.institution_id,
        **message.model_dump(include=_INSTITUTION),
    }


def _signing_key(message: Any) -> Row:
    return {"id": message.key_id, **message.model_dump(exclude={"key_id"})}


def _credential(message: Any) -> Row:
    return {"id": message.credential_id, **message.model_dump(include=_CREDENTIAL)}


def _log_position(message: Any) -> Row:
    return dict(message.model_dump(include={"event_id", "version", "origin", "log_index"}))


def _log_positions(message: LogPositionsState) -> Iterator[Row]:
    for index, event_id in enumerate(message.event_ids, message.first):
        yield {"event_id": event_id, "version": message.version, "origin": message.origin, "log_index": index}


def _checkpoint(message: Any) -> Row:
    return dict(message.model_dump(include={"origin", "version", "root"}))


def _employer(message: Any) -> Row:
    return {"id": message.employer_id, **message.model_dump(include={"version", "name", "url", "sandbox"})}


_TABLES: dict[type[Message], tuple[str, Callable[[Any], Row]]] = {
    InstitutionState: ("institutions", _institution),
    SigningKeyState: ("signing_keys", _signing_key),
    CredentialState: ("credentials", _credential),
    LogPositionState: ("log_positions", _log_position),
    CheckpointState: ("log_checkpoints", _checkpoint),
    EmployerState: ("employers", _employer),
    ApiKeyContent: ("api_keys", row_of),
}
_KEYS = {"log_positions": ("event_id",), "log_checkpoints": ("origin",)}
_SOURCES: tuple[tuple[Callable[..., Awaitable[Sequence[Any]]], Callable[[Any], Entry]], ...] = (
    (employers.batch, lambda row: state_entry(messages.employer(row), row["created_at"])),
    (partial(lock_page, kind="employer"), entry_of),
    (verifications.batch, lambda row: Entry(messages.verification(row), row["id"], row["verified_at"])),
    # What is older is on the log no more, and nobody remembers there that it was told.
    (
        partial(watches.told_since, span=EVENT_RETENTION),
        lambda row: Entry(messages.watch_triggered(row), row["id"], row["told_at"]),
    ),
)
