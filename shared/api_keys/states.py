"""An API key as a row of `api_keys` and as its state record, each built from the other."""

from typing import Any, Literal

from shared.messaging.events import ApiKeyContent, EmployerApiKeyState, InstitutionApiKeyState
from shared.messaging.outbox import Entry, state_entry

TenantKind = Literal["institution", "employer"]

_STATES: dict[TenantKind, type[EmployerApiKeyState | InstitutionApiKeyState]] = {
    "institution": InstitutionApiKeyState,
    "employer": EmployerApiKeyState,
}
# Named alike in both. Its name is its tenant's own business, and no other service hears it.
_COLUMNS = {"version", "tenant_kind", "tenant_id", "scopes", "created_at", "expires_at", "revoked_at"}


def entry_of(row: Any) -> Entry:
    """Return what is told of a key: its hash and rights, since when they are so."""
    columns = {name: row[name] for name in _COLUMNS}
    state = _STATES[row["tenant_kind"]](key_id=row["id"], secret_hash=row["hash"].hex(), **columns)
    return state_entry(state, row["revoked_at"] or row["created_at"])


def row_of(state: ApiKeyContent) -> dict[str, Any]:
    """Return the row in which a key that was heard of is kept, for `projections.upsert`."""
    return {"id": state.key_id, "hash": bytes.fromhex(state.secret_hash), **state.model_dump(include=_COLUMNS)}
