"""What the routes of the VC-API (W3C-CCG, VCALM) answer: verified or not, and each reason as a problem."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from shared.credentials.checks import failed
from shared.credentials.report import BESIDE, Check, Report

Asked = Literal["proof", "credentialStatus", "validity"]

# The data model's own names of what may be wrong (VCDM 2.0 section 7.2) and those of status lists
# (Bitstring Status List 1.0 section 3.5).
_DATA_MODEL = "https://www.w3.org/TR/vc-data-model#"
_STATUS_LIST = "https://www.w3.org/ns/credentials/status-list#"
MALFORMED = f"{_DATA_MODEL}MALFORMED_VALUE_ERROR"
_TYPES = {
    "request": f"{_DATA_MODEL}PARSING_ERROR",
    "structure": MALFORMED,
    "contexts": MALFORMED,
    "validity": f"{_DATA_MODEL}RANGE_ERROR",
    "status": f"{_STATUS_LIST}STATUS_VERIFICATION_ERROR",
}
_PROOF = f"{_DATA_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR"
_UNREACHABLE = f"{_STATUS_LIST}STATUS_RETRIEVAL_ERROR"
_TITLES = {
    "request": "The request is not what this route takes",
    "structure": "The form is not the data model's",
    "contexts": "A term means nothing, or a context is not known",
    "validity": "Outside of its dates",
    "status": "Revoked, suspended, or not known whether it holds",
}
# Which checks answer which question. What an own credential's record says counts where it contradicts: the record of
# one that was issued a moment ago may still be on its way.
_PROVING = frozenset({"issuer", "proof"})
_CONTRADICTING = frozenset({"signing_time", "key", "registry"})
_QUESTIONS = {
    "status": "credentialStatus",
    "registry": "credentialStatus",
    "validity": "validity",
    "key": "credentialStatus",
}
_ENDED = frozenset({"expired", "not_yet_valid"})


class ProblemDetails(BaseModel):
    """One reason (RFC 9457), with a stable `code` for programs."""

    type: str = Field(examples=[_PROOF])
    title: str
    detail: str
    code: str


class Verified(BaseModel):
    """Whether something is verified in all that was asked, and every reason why not."""

    verified: bool
    problemDetails: list[ProblemDetails] = []  # noqa: N815  # the VC-API's name
    verifiableCredential: dict[str, Any] | None = Field(None, description="As it was sent, where it was asked back.")  # noqa: N815

    @property
    def malformed(self) -> bool:
        """Whether it could not even be looked into."""
        return any(each.type in (MALFORMED, _TYPES["request"]) for each in self.problemDetails)


class VerifiedPresentation(Verified):
    """The same of a presentation, which is verified only if all its credentials are."""

    credentialResults: list[Verified] = []  # noqa: N815
    verifiablePresentation: dict[str, Any] | None = Field(None, description="As it was sent, where it was asked back.")  # noqa: N815


def of_credential(report: Report, further: Iterable[Check], asked: Sequence[Asked], *, is_token: bool) -> Verified:
    """Return the answer for a credential by its report and `further` checks, in the questions that were asked.

    Without any, all are. An unknown issuer speaks against nothing; a status that is not known does. A token's own end
    is a matter of its dates: its signature is as good as before.
    """
    wrong = [check for check in (*report.checks, *further) if _speaks_against(check, asked, is_token=is_token)]
    # Of a revoked badge of Open Badges 2.0 nothing else is looked at, and what was not looked at is not verified.
    wrong = wrong or [check for check in report.checks if check.name in _PROVING and check.outcome == "skipped"]
    return Verified(verified=not wrong, problemDetails=[problem(each) for each in wrong])


def of_presentation(checks: Iterable[Check], credentials: list[Verified]) -> VerifiedPresentation:
    """Return the answer for a presentation by its own checks and the answers for its credentials."""
    problems = [problem(check) for check in checks if check.outcome in ("fail", "unknown")]
    verified = not problems and all(each.verified for each in credentials)
    problems += [each for credential in credentials for each in credential.problemDetails]
    return VerifiedPresentation(verified=verified, problemDetails=problems, credentialResults=credentials)


def refused(detail: str, code: str = "invalid_request") -> Verified:
    """Return the answer to a request that can't be read."""
    return Verified(verified=False, problemDetails=[problem(failed("request", code, detail))])


def problem(check: Check) -> ProblemDetails:
    """Return a check that speaks against something, as a problem."""
    type_, title = _TYPES.get(check.name, _PROOF), _TITLES.get(check.name, "The proof does not hold")
    if check.outcome == "unknown" and _question_of(check) == "credentialStatus":
        type_, title = _UNREACHABLE, _TITLES["status"]
    elif check.outcome != "fail" and type_ == _PROOF:
        title = "The proof could not be checked"
    return ProblemDetails(type=type_, title=title, detail=check.detail, code=check.code or check.name)


def _speaks_against(check: Check, asked: Sequence[Asked], *, is_token: bool) -> bool:
    if check.outcome not in ("fail", "unknown"):
        return False
    if check.name in _CONTRADICTING and check.outcome == "fail":
        return True
    question = "validity" if is_token and check.name == "proof" and check.code in _ENDED else _question_of(check)
    return question is not None and (question == "proof" or not asked or question in asked)


def _question_of(check: Check) -> str | None:
    """Return what a check answers: whatever is named nowhere here speaks of the proof, so that none goes unheard."""
    return None if check.name in BESIDE else _QUESTIONS.get(check.name, "proof")
