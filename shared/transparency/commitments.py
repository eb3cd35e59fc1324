"""What a leaf of Laurel's own log is: a commitment to facts, which says nothing to who does not know the salt.

`docs/record.md` specifies it for others. Each kind of fact has one function; a fact that is not known is left out.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

import rfc8785

from shared.transparency.errors import InvalidFacts

SALT_SIZE = 32
_DIGEST = re.compile(r"[0-9a-f]{64}")

Facts = dict[str, str | int]


def commitment(salt: bytes, facts: Mapping[str, str | int]) -> bytes:
    """Return the leaf's entry, 32 bytes: SHA-256(salt || the facts' RFC 8785 form); raises InvalidFacts."""
    if len(salt) != SALT_SIZE:
        raise InvalidFacts(f"A salt does not have {len(salt)} bytes.")
    try:
        form = rfc8785.dumps(dict(facts))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise InvalidFacts("The facts have no canonical form.") from error
    return sha256(salt + form).digest()


def instant(time: datetime) -> str:
    """Return an aware time as the facts write it: UTC, six decimals, Z; raises InvalidFacts for a naive one."""
    if time.tzinfo is None:
        raise InvalidFacts("A time of the facts has no time zone.")
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def credential_facts(
    *,
    event_id: UUID,
    type: Literal["issued", "suspended", "reinstated", "revoked"],  # noqa: A002  the facts' own word
    credential_id: UUID,
    version: int,
    accepted_at: datetime,
    actor_role: str,
    actor_key: UUID | str | None,
    reason_code: str | None,
    document_digest: str,
    status: str,
) -> Facts:
    """Return the facts of a badge's issue or change of status; the digest as 64 hex digits, the version from 1."""
    return _facts(
        "credential",
        event_id=event_id,
        type=type,
        credential_id=credential_id,
        version=version,
        accepted_at=accepted_at,
        actor_role=actor_role,
        actor_key=actor_key,
        reason_code=reason_code,
        document_digest=_digest(document_digest),
        status=status,
    )


def signing_key_facts(
    *,
    event_id: UUID,
    type: Literal["added", "retired"],  # noqa: A002  the facts' own word
    institution_id: UUID,
    key_id: UUID,
    version: int,
    accepted_at: datetime,
    actor_role: str,
    actor_key: UUID | str | None,
    verification_method: str,
    public_key_multibase: str,
) -> Facts:
    """Return the facts of an institution's signing key that was added or retired."""
    return _facts(
        "signing_key",
        event_id=event_id,
        type=type,
        institution_id=institution_id,
        key_id=key_id,
        version=version,
        accepted_at=accepted_at,
        actor_role=actor_role,
        actor_key=actor_key,
        verification_method=verification_method,
        public_key_multibase=public_key_multibase,
    )


def institution_facts(
    *,
    event_id: UUID,
    institution_id: UUID,
    version: int,
    accepted_at: datetime,
    actor_role: str,
    actor_key: UUID | str | None,
    did: str | None,
    standing: str,
    name_digest: str,
) -> Facts:
    """Return the facts of an institution's standing; `name_digest` is the SHA-256 of its name in UTF-8, in hex."""
    return _facts(
        "institution",
        event_id=event_id,
        institution_id=institution_id,
        version=version,
        accepted_at=accepted_at,
        actor_role=actor_role,
        actor_key=actor_key,
        did=did,
        standing=standing,
        name_digest=_digest(name_digest),
    )


def achievement_facts(
    *,
    event_id: UUID,
    achievement_id: UUID,
    number: int,
    institution_id: UUID,
    accepted_at: datetime,
    actor_role: str,
    actor_key: UUID | str | None,
    achievement_digest: str,
) -> Facts:
    """Return the facts of an achievement's version `number`; the digest is of its RFC 8785 form, in hex."""
    return _facts(
        "achievement",
        event_id=event_id,
        achievement_id=achievement_id,
        number=number,
        institution_id=institution_id,
        accepted_at=accepted_at,
        actor_role=actor_role,
        actor_key=actor_key,
        achievement_digest=_digest(achievement_digest),
    )


def verification_facts(
    *,
    event_id: UUID,
    verification_id: UUID,
    credential_id: UUID | None,
    verdict: str,
    reason: str | None,
    standing: str,
    verified_at: datetime,
    as_of: datetime | None = None,
) -> Facts:
    """Return the facts of a verification; without `credential_id` for a badge that is not recorded here.

    `as_of`, the time that was asked about, is there only where that was not when it was answered.
    """
    return _facts(
        "verification",
        event_id=event_id,
        verification_id=verification_id,
        credential_id=credential_id,
        verdict=verdict,
        reason=reason,
        standing=standing,
        verified_at=verified_at,
        as_of=as_of,
    )


def _facts(record: str, **members: UUID | datetime | str | int | None) -> Facts:
    """Name the kind of record, so that no two kinds have facts alike, and write each member in its one form."""
    return {"record": record, **{name: _written(value) for name, value in members.items() if value is not None}}


def _written(value: UUID | datetime | str | int) -> str | int:
    if isinstance(value, datetime):
        return instant(value)
    return str(value) if isinstance(value, UUID) else value


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise InvalidFacts("A digest of the facts is not 64 hex digits.")
    return text
