"""The outcomes of a check, each with what it needs to say, and the checks that all kinds of credentials share."""

from datetime import datetime

from shared.credentials.errors import CredentialError
from shared.credentials.instants import CLOCK_DIFFERENCE
from shared.credentials.report import Check


def passed(name: str, detail: str) -> Check:
    """Return a check that the credential passes."""
    return Check(name=name, outcome="pass", detail=detail)


def failed(name: str, code: str, detail: str) -> Check:
    """Return a check that makes a credential invalid, if it is one that decides."""
    return Check(name=name, outcome="fail", detail=detail, code=code)


def warned(name: str, code: str, detail: str) -> Check:
    """Return a check that deserves a second look and decides nothing."""
    return Check(name=name, outcome="warn", detail=detail, code=code)


def undecided(name: str, code: str, detail: str) -> Check:
    """Return a check that could not be decided: where it is one that decides, the credential is not called valid."""
    return Check(name=name, outcome="unknown", detail=detail, code=code)


def skipped(name: str) -> Check:
    """Return a check that was not made, because an earlier one left no ground for it."""
    detail = "Not looked at: an earlier check left no ground for it."
    return Check(name=name, outcome="skipped", detail=detail)


def refused(name: str, error: CredentialError) -> Check:
    """Return the check of a document that was refused: undecided where that says nothing against it."""
    says_nothing = error.code in ("too_complex", "unsupported_format", "unsupported_context")
    return (undecided if says_nothing else failed)(name, error.code, error.detail)


def within_dates(valid_from: datetime | None, valid_until: datetime | None, now: datetime) -> Check:
    """Return the check of a credential's dates; None is a date that it does not have."""
    if valid_until is not None and valid_until <= now:
        return failed("validity", "expired", "The credential has expired.")
    if valid_from is not None and now + CLOCK_DIFFERENCE < valid_from:
        return failed("validity", "not_yet_valid", "The credential is not valid yet.")
    return passed("validity", "The credential is within its dates.")
