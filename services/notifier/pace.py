"""How often people are written to, and how fast a domain is: each mail gets its slot once, and waits for it.

Slots are given by the generic cell rate algorithm (ITU-T I.371): as many as the limit at once, then one each
`window / limit`. So a mail that waits is touched twice, however many wait with it.
"""

from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
# How long a mail waits for which all of its domain's connections are in use.
BUSY = timedelta(seconds=1)

Kind = Literal["address", "domain"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How many mails an address gets in an hour, and a domain in a minute and at once; all senders share this."""

    to_address: int
    to_domain: int
    domain_at_once: int


class Key(NamedTuple):
    """Whose pace it is: an address or a domain, by the SHA-256 digest of it."""

    kind: Kind
    digest: bytes


@dataclass(frozen=True, slots=True)
class Paced:
    """A mail that is due: to whom it goes, and whether it has had its slot already."""

    id: UUID
    address: Key
    domain: Key
    slotted: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of mails that are due: those to send now, and when the others are; they need no slot again."""

    now: Sequence[Paced]
    later: Mapping[UUID, datetime]


def slot(free_at: datetime, now: datetime, limit: int, window: timedelta) -> tuple[datetime, datetime]:
    """Return when the next mail may go, and what `free_at` is after it."""
    free = max(free_at, now) + window / limit
    return max(now, free - window), free


def plan(
    due: Sequence[Paced],
    free_at: MutableMapping[Key, datetime],
    busy: Counter[Key],
    pace: Pace,
    now: datetime,
    room: int,
) -> Plan:
    """Decide on mails that are `due`, in their order; `busy` is what is under way, `free_at` is brought up to date.

    Once `room` of them are to be sent, the rest is left as it is.
    """
    admitted: list[Paced] = []
    later: dict[UUID, datetime] = {}
    for mail in due:
        if len(admitted) == room:
            break
        if not mail.slotted:
            at = _slotted(mail, free_at, pace, now)
            if at > now:
                later[mail.id] = at
                continue
        if busy[mail.domain] >= pace.domain_at_once:
            later[mail.id] = now + BUSY
        else:
            busy[mail.domain] += 1
            admitted.append(mail)
    return Plan(admitted, later)


def _slotted(mail: Paced, free_at: MutableMapping[Key, datetime], pace: Pace, now: datetime) -> datetime:
    first, free_at[mail.address] = slot(free_at[mail.address], now, pace.to_address, HOUR)
    second, free_at[mail.domain] = slot(free_at[mail.domain], now, pace.to_domain, MINUTE)
    return max(first, second)
