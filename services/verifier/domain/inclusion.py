"""Whether a badge of this registry stands in its transparency log: what is said of it, from what was looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.verifier.domain.known import Known
from services.verifier.domain.receipts import Event, of_credential
from shared.credentials.checks import failed, passed, skipped, undecided
from shared.credentials.report import Check
from shared.ids import PARTITIONS
from shared.transparency.commitments import commitment
from shared.transparency.merkle import leaf_hash

NAME = "inclusion"
# The published logging bound: so long after it happened an event is in the log at the latest.
LOGGED_WITHIN = timedelta(seconds=60)

_WHAT = {"issued": "issue", "status": "last change"}


@dataclass(frozen=True)
class Told:
    """What the registry has told of the log: up to when, by partition of its state topic, and what waits unread.

    `places_held`: a record that tells of several places is among the latter.
    """

    until: Mapping[int, datetime]
    held: frozenset[str]
    places_held: bool

    def everything_of(self, event: Event, time: datetime) -> bool:
        """Tell whether an event's place would be known here, had it been told by `time`.

        It is told with others', in whichever partition.
        """
        heard = len(self.until) == PARTITIONS and min(self.until.values()) >= time
        return heard and not self.places_held and str(event.id) not in self.held


def grounds(credential: Mapping[str, Any], known: Known) -> list[Event]:
    """Return the events that must stand in the log: a badge's issue, and its last change by the time asked about."""
    return of_credential(
        credential,
        {"as_of": known.as_of, "credential_version": known.recorded.version if known.recorded else None},
    )


def not_ours() -> Check:
    """Return the check of what is no badge of this registry: nothing of it can be in the log."""
    detail = "It is not on record here, so it has no place in this registry's log."
    return Check(name=NAME, outcome="skipped", detail=detail, code="not_in_this_log")


def no_ground() -> Check:
    """Return the check of what was not shown to be its issuer's."""
    return skipped(NAME)


def not_read(code: str, detail: str) -> Check:
    """Return the check where the log can't be read or relied on."""
    return undecided(NAME, code, f"Whether the badge is in the registry's log can't be told: {detail}")


def not_there(event: Event, now: datetime, told: Told, *, placed: bool) -> Check:
    """Return the check of an event that no checkpoint covers; it fails once it certainly should be covered.

    `placed`: its place was told of, so there is nothing more to hear.
    """
    what = _WHAT[event.about]
    due = None if event.time is None else event.time + LOGGED_WITHIN
    if due is None or now <= due:
        return undecided(NAME, "not_yet_logged", f"Its {what} is not in the registry's log yet; ask again soon.")
    if not placed and not told.everything_of(event, due):
        return not_read("log_position_unknown", "what the registry told of its log is not all here.")
    seconds = int(LOGGED_WITHIN.total_seconds())
    return failed(NAME, "not_logged", f"Its {what} is not in the registry's log, {seconds} seconds after it.")


def opens(event: Event, leaf: bytes) -> bool | None:
    """Tell whether a leaf's hash is the event's; None where facts or salt are not here."""
    if event.facts is None or event.salt is None:
        return None
    return leaf_hash(commitment(event.salt, event.facts)) == leaf


def not_opened() -> Check:
    """Return the check of a leaf that nothing here opens."""
    return not_read("leaf_not_opened", "what opens its leaf was erased, or is not here yet.")


def there(origin: str, size: int, places: Sequence[tuple[Event, int]]) -> Check:
    """Return the check of a badge whose events the log was shown to have."""
    leaves = ", ".join(f"its {_WHAT[event.about]} as leaf {index}" for event, index in places)
    return passed(NAME, f"The log {origin} of {size} leaves has {leaves}: shown by proofs from the log itself.")
