"""What others are told, built from stored rows alone: so that it can be told again, word for word."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from shared.messaging.events import EmployerApiKeyState, EmployerState, Message, VerificationCompleted

Row = Mapping[str, Any]

# A state record's id follows from what it is the state of, so that nothing has to be kept for sending it again.
_STATE_IDS = UUID("6f0a8f2e-30c7-4a52-9f3b-8a4f1f9f4c11")


def state_id(state: Message, version: int) -> UUID:
    """Return the id of the record of an aggregate's state at `version`."""
    return uuid5(_STATE_IDS, f"{state.TYPE}/{state.key}/{version}")


def employer(row: Row) -> EmployerState:
    """Tell of an employer."""
    return EmployerState(employer_id=row["id"], version=row["version"], name=row["name"], url=row["url"])


def api_key(row: Row) -> EmployerApiKeyState:
    """Tell of an API key: its hash and rights."""
    return EmployerApiKeyState(
        key_id=row["id"],
        version=row["version"],
        tenant_kind="employer",
        tenant_id=row["tenant_id"],
        secret_hash=row["hash"].hex(),
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


def verification(row: Row) -> VerificationCompleted:
    """Tell that a verification was answered; the event's id is the verification's."""
    return VerificationCompleted(
        verification_id=row["id"],
        verdict=row["verdict"],
        reason=row["reason"],
        standing=row["standing"],
        credential_id=row["credential_id"],
        employer_id=row["employer_id"],
        verified_at=row["verified_at"],
    )
