"""A report in people's words: the answer first, how sure one may be of it, and every check under a plain name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from shared.credentials.dids import host_of
from shared.credentials.report import Check, Kind, Outcome, Report, ReportedIssuer

Tone = Literal["good", "bad", "care"]


@dataclass(frozen=True)
class Line:
    """One check as a page shows it; `tone` is None where nothing is to be marked."""

    title: str
    outcome: str
    tone: Tone | None
    detail: str


@dataclass(frozen=True)
class Told:
    """A report as a page shows it: tone and words of the answer, what deserves a second look, every check.

    `noun` is what it is called; `formed`: it has the form of that.
    """

    tone: Tone
    headline: str
    look_twice: tuple[str, ...]
    grounds: str
    domain: str | None
    recipient: Line
    lines: tuple[Line, ...]
    status_age_seconds: int | None
    noun: Kind
    formed: bool


def tell(report: Report) -> Told:
    """Put a report into words."""
    tone = tone_of(report)
    all_good = tone == "good"
    as_of = report.status_as_of
    kind = report.credential.kind or "badge"
    age = None if as_of is None else max(0, int((report.verified_at - as_of).total_seconds()))
    return Told(
        tone=tone,
        headline=_headline(report) if report.as_of is None else f"As of {report.as_of:%Y-%m-%d}: {_headline(report)}",
        look_twice=tuple(each.detail for each in _further_warnings(report.checks)),
        grounds=_grounds(report.checks, report.issuer, kind),
        domain=host_of(report.issuer.id),
        recipient=_recipient(report.checks, kind, all_good=all_good),
        lines=tuple(_line(check, kind, all_good=all_good) for check in report.checks),
        status_age_seconds=age,
        noun=kind,
        formed=outcome_of(report.checks, "structure") == "pass",
    )


def ago(seconds: int) -> str:
    """Say how long ago something was, in whole seconds."""
    return "just now" if seconds <= 0 else f"{seconds} second{'s' if seconds != 1 else ''} ago"


def tone_of(report: Report) -> Tone:
    """Return `good` only for a valid badge of a known issuer about which nothing at all deserves a second look."""
    if report.verdict == "invalid":
        return "bad"
    # What strict readers say is told, and takes nothing from a badge that is genuine and holds.
    told = ("demo", *_ASIDE) if _is_for_show(report) else _ASIDE
    doubtful = any(check.outcome in ("fail", "warn", "unknown") for check in report.checks if check.name not in told)
    known = report.issuer.standing == "registered"
    return "good" if report.verdict == "valid" and known and not doubtful else "care"


def _is_for_show(report: Report) -> bool:
    """Tell whether its registry has no public address: whoever sees its pages tries it out, all is for show."""
    return (report.credential.id or "").startswith("http://")


def outcome_of(checks: Sequence[Check], name: str) -> Outcome:
    """Return what came of a check; one that was not made was skipped."""
    return next((check.outcome for check in checks if check.name == name), "skipped")


def _headline(report: Report) -> str:
    if report.verdict == "unknown":
        return "Could not be checked"
    if report.verdict == "invalid":
        reason = _REASONS.get(report.reason or "", "").format(noun=report.credential.kind or "badge")
        return f"Not valid: {reason}" if reason else "Not valid"
    return next((f"Valid, but {reservation}" for applies, reservation in _reservations(report) if applies), "Valid")


def _reservations(report: Report) -> list[tuple[bool, str]]:
    """What is to be said in one breath with "valid", the gravest first."""
    recipient = outcome_of(report.checks, "recipient")
    return [
        (recipient == "fail", "issued to somebody else"),
        (report.issuer.standing == "unknown", "the issuer is not known here"),
        (report.issuer.standing == "domain_verified", "of its issuer only the domain is known here"),
        (outcome_of(report.checks, "demo") == "warn" and not _is_for_show(report), "only a demonstration"),
        (recipient == "unknown", "not known whose it is"),
        (bool(_further_warnings(report.checks)), "look twice"),
    ]


def _further_warnings(checks: Sequence[Check]) -> list[Check]:
    """Warnings of which no summary tells."""
    return [check for check in checks if check.outcome == "warn" and check.name not in ("standing", "demo", *_ASIDE)]


def _grounds(checks: Sequence[Check], issuer: ReportedIssuer, noun: Kind) -> str:
    if outcome_of(checks, "standing") == "skipped":
        return f"It could not be shown to come from the issuer. Whom the {noun} names is a mere claim."
    if issuer.standing == "registered":
        return (
            f"The institution is registered here, and the {noun} is signed with its key. "
            "Its name is the registry's word."
        )
    if any(check.code == "standing_not_known_then" for check in checks):
        return f"The {noun} is signed with an institution's key. Whether it was registered here then is not known."
    if issuer.registered_name:
        return f"The institution was registered here once and is so no longer. The {noun} is signed with its key."
    if issuer.standing == "domain_verified":
        return (
            "It comes from whoever may publish at this domain, which was asked. Nobody here has looked at who that is: "
            "anybody can have a domain and take any name. See whether it is the domain that you would expect."
        )
    return (
        f"Somebody who has this identifier's key signed the {noun}. Nobody here has looked at who that is: "
        "anybody can make such a key and take any name."
    )


def _recipient(checks: Sequence[Check], kind: Kind, *, all_good: bool) -> Line:
    check = next((each for each in checks if each.name == "recipient"), _NOBODY)
    line = _line(check, kind, all_good=all_good)
    if check.code == "not_asked":
        return replace(
            line,
            detail=f"You named nobody to compare with. Any {kind} is easily passed on: "
            "whoever shows it need not be the person to whom it was issued.",
        )
    if check.outcome == "skipped":
        detail = f"As long as it can't be shown to come from its issuer, the {kind} says nothing of anybody."
        return replace(line, detail=detail)
    return line


def _line(check: Check, kind: Kind, *, all_good: bool) -> Line:
    outcome, tone = _OUTCOMES[check.outcome]
    title = _TITLES.get(check.name, check.name.replace("_", " ").capitalize()).format(noun=kind)
    if check.code == "assertion_unavailable":  # of Open Badges 2.0, and without a signature
        title = _TITLES["copy"]
    return Line(title, outcome, tone if tone != "good" or all_good else None, check.detail)


_ASIDE = ("conformance", "schema")
_NOBODY = Check(name="recipient", outcome="skipped", detail="", code="not_asked")
_OUTCOMES: dict[Outcome, tuple[str, Tone | None]] = {
    "pass": ("passed", "good"),
    "fail": ("failed", "bad"),
    "warn": ("warning", "care"),
    "unknown": ("not known", "care"),
    "skipped": ("not checked", None),
}
_REASONS = {
    "tampered": "it is not as it was signed",
    "data_loss": "it has parts that nobody signed",
    "issuer_mismatch": "it is not signed by the issuer it names",
    "mismatch": "something else stands at its own address",
    "revoked": "revoked",
    "suspended": "suspended for now",
    "expired": "expired",
    "not_yet_valid": "its time has not come yet",
    "not_in_registry": "the registry has no record of it",
    "not_logged": "the log of the registry does not have it",
    "malformed": "it is no {noun} in its proper form",
    "not_yet_issued": "it had not been issued yet",
    "created_in_future": "it is dated in the future",
    "key_retired": "its key was no longer in use",
    "key_not_yet_in_use": "its key was not in use yet",
    "unknown_key": "it is signed with an unknown key",
}
_TITLES = {
    "structure": "Form of the {noun}",
    "contexts": "Meaning of its terms",
    "issuer": "Key belongs to the issuer it names",
    "proof": "Signature",
    "signing_time": "Date of the signature",
    "key": "Key was in use",
    "registry": "Record in this registry",
    "inclusion": "In the transparency log",
    "status": "Neither revoked nor suspended",
    "validity": "Within its dates",
    "history": "What is known of that time",
    "demo": "Not a demonstration",
    "conformance": "As strict readers want it",
    "standing": "Issuer is known here",
    "creator": "Issuer defined the achievement",
    "issuer_name": "Issuer's name is what it seems",
    "credential_name": "Name of the {noun} is what it seems",
    "recipient": "Whose {noun} it is",
    "schema": "Its own JSON schema",
    "endorsed": "Whom or what it endorses",
    "presentation": "Who presents it",
    "evidence": "Evidence",
    "copy": "As it stands at its own address",
    "extensions": "Extensions of the standard",
    "endorsement": "Endorsements",
    "refresh": "Newer editions",
    "terms": "Terms of use",
}
