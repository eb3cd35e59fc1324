"""What others are told, built from stored rows alone: so that it can be told again, word for word."""

from collections.abc import Mapping
from typing import Any

from shared.messaging.events import EmployerState, VerificationCompleted

Row = Mapping[str, Any]


def employer(row: Row) -> EmployerState:
    """Tell of an employer."""
    return EmployerState(
        employer_id=row["id"], version=row["version"], name=row["name"], url=row["url"], sandbox=row["sandbox"]
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
