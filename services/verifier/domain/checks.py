"""The outcomes of a check, each with what it needs to say."""

from shared.credentials.report import Check


def passed(name: str, detail: str) -> Check:
    """Return a check that the badge passes."""
    return Check(name=name, outcome="pass", detail=detail)


def failed(name: str, code: str, detail: str) -> Check:
    """Return a check that makes a badge invalid."""
    return Check(name=name, outcome="fail", detail=detail, code=code)


def undecided(name: str, code: str, detail: str) -> Check:
    """Return a check that could not be decided: the badge is not called valid."""
    return Check(name=name, outcome="unknown", detail=detail, code=code)


def skipped(name: str) -> Check:
    """Return a check that was not made, because an earlier one left no ground for it."""
    detail = "Not looked at: an earlier check left no ground for it."
    return Check(name=name, outcome="skipped", detail=detail)
