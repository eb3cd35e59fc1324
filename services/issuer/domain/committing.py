"""What the transparency log should have of the issuer's events: commitments to its own rows, with its own salts."""

from hashlib import sha256
from typing import Any

from services.issuer.domain.row import Row
from shared.messaging.events import AchievementPublished, InstitutionStandingChanged, SigningKeyChanged
from shared.transparency.commitments import (
    Facts,
    achievement_facts,
    commitment,
    credential_facts,
    institution_facts,
    signing_key_facts,
)


def of_version(credential: Row, entry: Row) -> str | None:
    """Return the commitment to a version of a credential in hexadecimal; None where its salt was erased."""
    if entry["salt"] is None:
        return None
    facts = credential_facts(
        type=entry["type"],
        credential_id=credential["id"],
        version=entry["version"],
        reason_code=entry["reason_code"],
        document_digest=credential["document_digest"].hex(),
        status=entry["status"],
        **_common(entry),
    )
    return commitment(entry["salt"], facts).hex()


def of_change(change: Row) -> str | None:
    """Return the commitment to another recorded change in hexadecimal; None where its salt was erased."""
    return None if change["salt"] is None else commitment(change["salt"], _facts(change)).hex()


def _facts(change: Row) -> Facts:
    common, content = {**_common(change), "institution_id": change["institution_id"]}, change["content"]
    match change["type"]:
        case SigningKeyChanged.TYPE:
            told = {name: content[name] for name in ("key_id", "verification_method", "public_key_multibase")}
            return signing_key_facts(**common, **told, type=content["change"], version=change["version"])
        case InstitutionStandingChanged.TYPE:
            digest = sha256(content["name"].encode()).hexdigest()
            told = {name: content[name] for name in ("did", "standing")}
            return institution_facts(**common, **told, version=change["version"], name_digest=digest)
        case AchievementPublished.TYPE:
            return achievement_facts(**common, **content)
        case _:
            raise ValueError(f"{change['type']} is not logged")


def _common(row: Row) -> dict[str, Any]:
    return {
        "event_id": row["event_id"],
        "accepted_at": row["time"],
        "actor_role": row["actor_role"],
        "actor_key": row["actor_key_id"],
    }
