"""What a report on a time in the past says beside: what was taken from history, and how far that is complete."""

from datetime import datetime

from services.verifier.domain.history import is_whole, standing_at, status_at
from services.verifier.domain.known import Known, Recorded
from shared.credentials.checks import failed, passed, skipped, undecided, warned
from shared.credentials.report import Check, CheckedDocument, Standing

_INCOMPLETE = "The badge's history is not here whole, so how it stood at that time is not known."


def when(time: datetime) -> str:
    """Write a time as reports do: whole seconds of UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def status_then(recorded: Recorded, known: Known) -> Check | None:
    """Return the status check where history decides it alone; None: the badge was issued, and not revoked by then."""
    if not is_whole(recorded.history, recorded.version, recorded.status):
        return undecided("status", "history_incomplete", _INCOMPLETE)
    status = status_at(recorded.history, known.at)
    if status is None:
        return skipped("status")  # the record says that it had not been issued
    if status == "revoked":
        return failed("status", "revoked", "The issuer had revoked this badge by then.")
    return None


def suspended_then(recorded: Recorded, known: Known) -> bool:
    """Tell whether a badge was suspended at the time that is asked about."""
    return status_at(recorded.history, known.at) == "suspended"


def issued_later(recorded: Recorded, known: Known) -> Check | None:
    """Return the check of a record that began only after the time that is asked about; None for any other."""
    whole = is_whole(recorded.history, recorded.version, recorded.status)
    if not known.asks_of_past or not whole or status_at(recorded.history, known.at) is not None:
        return None
    return failed("registry", "not_yet_issued", "The registry has this very document, and it was issued later.")


def standing_then(known: Known) -> Standing | None:
    """Return how the institution that signed stood at the time; None where that is not known."""
    if known.issuer is None:
        return None
    issuer = known.issuer
    found = standing_at(issuer.standings, issuer.version, issuer.standing, known.at)
    return None if found is None else ("registered" if found == "registered" else "unknown")


def standing_not_known(known: Known) -> Check | None:
    """Return the warning that the issuer's standing at the time is not known; None where it is, or now is asked for."""
    if not known.asks_of_past or known.issuer is None or standing_then(known) is not None:
        return None
    detail = "Whether the issuer was an institution of this registry at that time is not known: no history tells."
    return warned("standing", "standing_not_known_then", detail)


def history_check(checked: CheckedDocument, known: Known, complete_until: datetime | None) -> list[Check]:
    """Say what was taken from history, of a report that asks for a time; none where now is asked for."""
    if known.as_of is None:
        return []
    if not checked.signed_by_issuer:
        return [skipped("history")]
    if known.issuer is None:
        return [passed("history", _ELSEWHERE.format(when(known.at)))]
    if known.recorded is None or known.recorded.institution_id != known.issuer.id:
        return [skipped("history")]
    if known.asks_of_past and not is_whole(known.recorded.history, known.recorded.version, known.recorded.status):
        return [undecided("history", "history_incomplete", _INCOMPLETE)]
    if complete_until is None:
        return [undecided("history", "status_unavailable", "Up to when the badge's history is here is not known.")]
    told = f"Status, keys and standing are as the issuer's record has them for {when(known.at)}."
    return [passed("history", f"{told} That record is here up to {when(complete_until)}.")]


_ELSEWHERE = (
    "Dates and keys were compared with {}. The issuer keeps its history itself: of that counts only a list which it "
    "had signed by then, and which covers that time."
)
