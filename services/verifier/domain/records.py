"""What is kept of a report, and the report as it is recalled."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.verifier.domain.known import Recorded
from shared.credentials.report import Check, Report, ReportedCredential, ReportedIssuer


def kept(
    report: Report, recorded: Recorded | None, *, request_id: UUID, place: int, employer_id: UUID | None
) -> dict[str, Any]:
    """Return the row that is kept of a report.

    It has no detail, for that may quote the credential, and nothing of an expected recipient.
    """
    return {
        "id": report.id,
        "request_id": request_id,
        "place": place,
        "employer_id": employer_id,
        "credential_id": recorded.id if recorded else None,
        "institution_id": recorded.institution_id if recorded else None,
        "document_digest": report.credential.digest,
        "verdict": report.verdict,
        "reason": report.reason,
        "standing": report.issuer.standing,
        "checks": [
            check.model_dump(include={"name", "outcome", "code"})
            for check in report.checks
            if check.name != "recipient"
        ],
        "status_as_of": report.status_as_of,
        "verified_at": report.verified_at,
    }


def recalled(row: Mapping[str, Any]) -> Report:
    """Return a report as it was recorded: outcomes and times, without anything that stood in the credential."""
    return Report(
        id=row["id"],
        verdict=row["verdict"],
        reason=row["reason"],
        summary=f"This was answered on {row['verified_at']:%Y-%m-%d}: {row['verdict']}.",
        checks=tuple(Check(**check, detail="Only the outcome was kept.") for check in row["checks"]),
        credential=ReportedCredential(
            **dict.fromkeys(ReportedCredential.model_fields) | {"digest": row["document_digest"]}
        ),
        issuer=ReportedIssuer(
            id=row["issuer_did"], claimed_name=None, standing=row["standing"], registered_name=row["issuer_name"]
        ),
        status_as_of=row["status_as_of"],
        verified_at=row["verified_at"],
    )
