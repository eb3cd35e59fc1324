"""What others are told, built from stored rows alone: so that it can be told again, word for word."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from services.issuer.domain.achievements import record_form
from services.issuer.domain.row import Row
from shared.messaging.events import (
    BY_TYPE,
    AchievementState,
    Actor,
    CredentialExpiring,
    CredentialIssued,
    CredentialState,
    CredentialStatusChanged,
    GenericCredentialIssued,
    HistoryEntry,
    InstitutionState,
    Reason,
    RecordedChange,
    SigningKeyState,
    StandingEntry,
    StatusListState,
    StatusPosition,
)

_EPOCH_BITS = 40
_TOLD_OF_CREDENTIALS = (
    *("valid_from", "valid_until", "signing_key_id", "other_proof_key_ids"),
    *("replaces", "renews", "replaced_by"),
)


def list_version(epoch: int, n: int) -> int:
    """Return the version of the n-th signature of a list in an epoch: later epochs come later whatever their n."""
    return (epoch << _EPOCH_BITS) + n


def salt_text(salt: bytes) -> str:
    """Return a leaf's 32-byte salt as events carry it: base64url without padding."""
    return urlsafe_b64encode(salt).rstrip(b"=").decode()


def institution(row: Row, standings: Sequence[Row] = ()) -> InstitutionState:
    """Tell of an institution; `standings` is what is recorded of how it stood, the present version included."""
    return InstitutionState(
        institution_id=row["id"],
        version=row["version"],
        slug=row["slug"],
        name=row["name"],
        url=row["url"],
        did=row["did"],
        former_dids=tuple(row["former_dids"]),
        standing=row["standing"],
        standings=tuple(
            StandingEntry(version=each["version"], standing=each["standing"], time=each["time"]) for each in standings
        ),
        sandbox=row["sandbox"],
    )


def signing_key(row: Row) -> SigningKeyState:
    """Tell of a public key."""
    return SigningKeyState(
        key_id=row["id"],
        version=row["version"],
        institution_id=row["institution_id"],
        did=row["did"],
        verification_method=row["verification_method"],
        public_key_multibase=row["public_key_multibase"],
        created_at=row["created_at"],
        retired_at=row["retired_at"],
    )


def achievement(row: Row) -> AchievementState:
    """Tell of a published version, image included."""
    return AchievementState(
        achievement_id=row["achievement_id"],
        number=row["number"],
        version=1,
        institution_id=row["institution_id"],
        achievement=record_form(orjson.loads(row["badge_form"]), row["content"]),
        image=b64encode(row["image"]).decode(),
    )


def status_list(row: Row) -> StatusListState:
    """Tell of a signed status list."""
    credential = orjson.loads(row["credential"])
    return StatusListState(
        list_id=row["id"],
        version=list_version(row["epoch"], row["n"]),
        institution_id=row["institution_id"],
        purpose=row["purpose"],
        credential=credential,
        token=row["token"] if row["token_signed_at"] == row["signed_at"] else None,
        signed_at=row["signed_at"],
        valid_until=row["valid_until"],
        ttl_ms=credential["credentialSubject"]["ttl"],
    )


def issued(
    credential: Row, entry: Row, content: Row, positions: Sequence[StatusPosition]
) -> CredentialIssued | GenericCredentialIssued:
    """Tell that a credential was issued; `entry` is its history's first, `content` its personal part."""
    common: dict[str, Any] = {
        "credential_id": credential["id"],
        "institution_id": credential["institution_id"],
        "credential": content["document"],
        "token": content["token"],
        "document_digest": credential["document_digest"].hex(),
        "status": tuple(positions),
        "owner_token": content["owner_token"],
        "salt": salt_text(entry["salt"]),
        "actor": _actor(entry),
        "replaces": credential["replaces"],
        "renews": credential["renews"],
    }
    if credential["kind"] == "generic":
        return GenericCredentialIssued(**common, client_id=content["client_id"])
    return CredentialIssued(
        **common,
        achievement_id=credential["achievement_id"],
        achievement_version=credential["achievement_number"],
        email=content["email"],
    )


def status_changed(credential: Row, entry: Row) -> CredentialStatusChanged:
    """Tell of one later entry of a credential's history."""
    return CredentialStatusChanged(
        credential_id=credential["id"],
        version=entry["version"],
        institution_id=credential["institution_id"],
        change=entry["type"],
        status=entry["status"],
        reason=Reason(code=entry["reason_code"], note=entry["reason_note"]) if entry["reason_code"] else None,
        document_digest=credential["document_digest"].hex(),
        salt=salt_text(entry["salt"]),
        actor=_actor(entry),
        replaced_by=credential["replaced_by"] if entry["type"] == "revoked" else None,
    )


def credential_state(credential: Row, history: Sequence[Row], positions: Sequence[StatusPosition]) -> CredentialState:
    """Tell how a credential stands, with its whole history and without personal data."""
    return CredentialState(
        credential_id=credential["id"],
        version=history[-1]["version"],
        institution_id=credential["institution_id"],
        status=history[-1]["status"],
        positions=tuple(positions),
        document_digest=credential["document_digest"].hex(),
        token_digest=credential["token_digest"].hex() if credential["token_digest"] else None,
        history=tuple(
            HistoryEntry(
                version=entry["version"],
                type=entry["type"],
                time=entry["time"],
                event_id=entry["event_id"],
                traceparent=entry["traceparent"],
                actor=_actor(entry),
                reason_code=entry["reason_code"],
            )
            for entry in history
        ),
        **{name: credential[name] for name in _TOLD_OF_CREDENTIALS},
    )


def expiring(notice: Row) -> CredentialExpiring:
    """Tell that a credential runs out."""
    return CredentialExpiring(**{name: notice[name] for name in CredentialExpiring.model_fields})


def recorded_change(row: Row) -> RecordedChange:
    """Tell of a change to an institution, a signing key or an achievement that was recorded."""
    members = {
        "institution_id": row["institution_id"],
        "version": row["version"],
        "salt": salt_text(row["salt"]),
        "actor": _actor(row),
        "backfilled": row["backfilled"],
    }
    change = BY_TYPE[row["type"]].model_validate({**row["content"], **members})
    if not isinstance(change, RecordedChange):
        raise TypeError(f"{row['type']} is no recorded change")
    return change


def _actor(entry: Row) -> Actor:
    return Actor(role=entry["actor_role"], key_id=entry["actor_key_id"])
