"""What others are told, built from stored rows alone: so that it can be told again, word for word."""

from collections.abc import Mapping
from typing import Any

from shared.messaging.events import EmployerState, VerificationCompleted, WatchTriggered
from shared.transparency.commitments import commitment, verification_facts

Row = Mapping[str, Any]


def employer(row: Row) -> EmployerState:
    """Tell of an employer."""
    return EmployerState(
        employer_id=row["id"], version=row["version"], name=row["name"], url=row["url"], sandbox=row["sandbox"]
    )


def verification(row: Row) -> VerificationCompleted:
    """Tell that a verification was answered; the event's id is the verification's. Its salt stays here."""
    return VerificationCompleted(
        verification_id=row["id"],
        verdict=row["verdict"],
        reason=row["reason"],
        standing=row["standing"],
        credential_id=row["credential_id"],
        employer_id=row["employer_id"],
        verified_at=row["verified_at"],
        as_of=row["as_of"],
        commitment=commitment(row["salt"], facts(row)).hex() if row["salt"] else None,
    )


def watch_triggered(row: Row) -> WatchTriggered:
    """Tell that a watched badge's answer changed; the event's id is the row's."""
    return WatchTriggered(**{name: row[name] for name in WatchTriggered.model_fields})


def facts(row: Row) -> dict[str, str | int]:
    """Return the facts of a verification, to which the transparency log has a commitment."""
    return verification_facts(
        event_id=row["id"],
        verification_id=row["id"],
        **{name: row[name] for name in ("credential_id", "verdict", "reason", "standing", "verified_at", "as_of")},
    )
