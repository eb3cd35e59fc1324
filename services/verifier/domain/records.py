"""What is kept of a report, and the report as it is recalled."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.verifier.domain.known import Recorded
from services.verifier.domain.then import when
from shared.credentials.report import (
    Check,
    CredentialFacts,
    Report,
    ReportedCredential,
    ReportedIssuer,
    told_beside,
    verdicts_of,
)

_TIMES = ("status_as_of", "verified_at")
_RECIPIENT_NOT_KEPT = Check(
    name="recipient",
    outcome="skipped",
    detail="Whose badge it is is not kept; ask again, under another Idempotency-Key.",
    code="not_kept",
)


def kept(
    report: Report,
    facts: CredentialFacts,
    recorded: Recorded | None,
    *,
    request_id: UUID,
    place: int,
    employer_id: UUID | None,
    salt: bytes,
) -> dict[str, Any]:
    """Return the row that is kept of a report; `salt` opens the transparency log's commitment to it.

    It has no detail, for that may quote the credential, and nothing of an expected recipient. Of what is signed in a
    badge of ours it has dates and keys, by which it can be watched.
    """
    return {
        "id": report.id,
        "request_id": request_id,
        "place": place,
        "employer_id": employer_id,
        "credential_id": recorded.id if recorded else None,
        "credential_version": recorded.version if recorded else None,
        "institution_id": recorded.institution_id if recorded else None,
        "salt": salt,
        **(_signed(facts) if recorded else {}),
        **_outcome(report),
    }


def _signed(facts: CredentialFacts) -> dict[str, Any]:
    return {
        "valid_from": facts.valid_from,
        "valid_until": facts.valid_until,
        "signed_at": facts.proof_created,
        "verification_methods": facts.verification_methods,
    }


def _outcome(report: Report) -> dict[str, Any]:
    return {
        "document_digest": report.credential.digest,
        "verdict": report.verdict,
        "reason": report.reason,
        "standing": report.issuer.standing,
        "checks": [
            check.model_dump(include={"name", "outcome", "code"})
            for check in report.checks
            if check.name != "recipient"
        ],
        "as_of": report.as_of,
        "status_as_of": report.status_as_of,
        "verified_at": report.verified_at,
    }


def repeated(row: Mapping[str, Any], again: Report) -> Report:
    """Return the answer to a repeated request, whose document was checked `again`: as the first time, and whole.

    The first answer's id and times stand. Where anything that was recorded of it is no longer so, it is recalled.
    """
    now = {name: value for name, value in _outcome(again).items() if name not in _TIMES}
    if any(row[name] != value for name, value in now.items()):
        return recalled(row)
    return again.model_copy(update={name: row[name] for name in ("id", *_TIMES)})


def recalled(row: Mapping[str, Any]) -> Report:
    """Return a report as it was recorded: outcomes and times, without anything that stood in the credential."""
    issuer = ReportedIssuer(
        id=row["issuer_did"], claimed_name=None, standing=row["standing"], registered_name=row["issuer_name"]
    )
    checks = (*(Check(**check, detail="Only the outcome was kept.") for check in row["checks"]), _RECIPIENT_NOT_KEPT)
    of = f", as of {when(row['as_of'])}" if row["as_of"] else ""
    answered = f"This was answered on {row['verified_at']:%Y-%m-%d}{of}: {row['verdict']}."
    return Report(
        id=row["id"],
        verdict=row["verdict"],
        reason=row["reason"],
        summary=f"{answered} {told_beside(checks, issuer)}",
        verdicts=verdicts_of(checks),
        checks=checks,
        credential=ReportedCredential(
            **dict.fromkeys(ReportedCredential.model_fields) | {"digest": row["document_digest"]}
        ),
        issuer=issuer,
        as_of=row["as_of"],
        status_as_of=row["status_as_of"],
        verified_at=row["verified_at"],
    )
