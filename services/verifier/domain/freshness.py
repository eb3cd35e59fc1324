"""How fresh this verifier's word is: up to when it has heard all, and how long revocations took to be seen here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.credentials.instants import CLOCK_DIFFERENCE
from shared.ids import PARTITIONS
from shared.messaging.events import CredentialState


@dataclass(frozen=True)
class Freshness:
    """Up to when the issuer's word is here whole (None: a partition of it was never heard of), at the moment `now`."""

    now: datetime
    status_as_of: datetime | None
    max_status_age: timedelta

    @property
    def age_seconds(self) -> float | None:
        """How old that is; a clock that is a little ahead makes it no younger than nothing."""
        return None if self.status_as_of is None else max(0.0, (self.now - self.status_as_of).total_seconds())

    @property
    def fresh(self) -> bool:
        """Whether answers may rest on it."""
        earliest, latest = self.now - self.max_status_age, self.now + CLOCK_DIFFERENCE
        return self.status_as_of is not None and earliest <= self.status_as_of <= latest


@dataclass(frozen=True)
class Revocation:
    """A credential's revocation, and when its issuer accepted it."""

    credential_id: UUID
    institution_id: UUID
    accepted_at: datetime


def freshness(heard: Mapping[int, datetime], now: datetime, max_status_age: timedelta) -> Freshness:
    """Return how fresh all of it is: as the partition that was heard of longest ago. `heard` goes by partition."""
    whole = heard.keys() >= set(range(PARTITIONS))
    return Freshness(now, min(heard.values()) if whole else None, max_status_age)


def new_revocations(versions: Mapping[UUID, int], states: Sequence[CredentialState]) -> list[Revocation]:
    """Return the revocations among `states`, in their order, that are news to somebody who knows these `versions`.

    A credential that is not known yet brings none: copies that are being filled, the first time or anew, are full of
    revocations that were news once, and how long ago they could have been seen nobody can tell.
    """
    known = dict(versions)
    found = []
    for state in states:
        before = known.get(state.credential_id)
        known[state.credential_id] = max(state.version, before or 0)
        if before is not None:
            revoked = [each.time for each in state.history if each.version > before and each.type == "revoked"]
            found += [Revocation(state.credential_id, state.institution_id, time) for time in revoked]
    return found
