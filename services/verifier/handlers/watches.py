"""Makes, changes and ends watches at an employer's word."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.verifier.domain.known import Rules
from services.verifier.domain.watches import UNDECIDED, Watched, answer
from services.verifier.handlers.looking_up import look_up
from services.verifier.store import verifications
from services.verifier.store import watches as store
from shared import db
from shared.db import Tx
from shared.errors import Conflict, Invalid, NotFound
from shared.ids import new_id
from shared.web import idempotency
from shared.web.idempotency import Attempt


@dataclass(frozen=True)
class Terms:
    """How long a watch lasts where nobody says, how long at the longest, and how many one employer may have open."""

    default: timedelta
    longest: timedelta
    most: int


@dataclass(frozen=True)
class Wanted:
    """What an employer wants to watch, by one of two ids, until when, and how it wants to be told beside the feed."""

    employer_id: UUID
    verification_id: UUID | None
    credential_id: UUID | None
    until: datetime | None
    channels: Sequence[str]


async def watch(tx: Tx, wanted: Wanted, rules: Rules, terms: Terms, attempt: Attempt | None) -> tuple[Any, bool]:
    """Watch a badge, or let its watch go on as is wanted now; return the watch, and whether this call made it.

    A call that repeats another by its Idempotency-Key made what that one did. An employer has one watch of a badge, so
    that it is told once. It is compared with what is known here now, and is looked at again once it is committed: what
    comes in between is not missed. Raises NotFound (`verification_not_found`, `credential_not_found`), Invalid
    (`not_of_this_registry`, `until_out_of_range`), Conflict (`verify_first`, `too_many_watches`), and as
    `idempotency.claim` does.
    """
    now = await db.now(tx)
    until = _until(wanted.until, now, terms)
    credential_id = await _credential_of(tx, wanted)
    await store.lock_employer(tx, wanted.employer_id)
    present = await store.of_credential(tx, wanted.employer_id, credential_id)
    watch_id = present or new_id()
    if (made := await idempotency.claim(tx, attempt, watch_id, 200 if present else 201)) is not None:
        return await existing(tx, made), attempt is None or await idempotency.status_before(tx, attempt) == 201
    row = await store.watchable(tx, credential_id, wanted.verification_id)
    if row is None:
        raise NotFound("credential_not_found", "This registry has no badge with this id.")
    asked = {"id": watch_id, "channels": wanted.channels, "until": until, "due_at": now}
    if present:
        await store.renew(tx, {**row, **asked, "verification_id": wanted.verification_id})
    else:
        await _refuse_more(tx, wanted.employer_id, terms)
        own = {"employer_id": wanted.employer_id, "verification_id": wanted.verification_id, "created_at": now}
        await store.insert(tx, {**await _beginning(tx, row, rules), **own, **asked})
    return await existing(tx, watch_id), present is None


async def existing(tx: Tx, watch_id: UUID) -> Any:
    """Return a watch of the tenant; raises NotFound."""
    row = await store.one(tx, watch_id)
    if row is None:
        raise _unknown()
    return row


async def end(tx: Tx, watch_id: UUID) -> None:
    """End a watch of the tenant; raises NotFound. What was told of it stays in the feed."""
    if not await store.remove(tx, watch_id):
        raise _unknown()


def watched_of(row: Any) -> Watched:
    """Return what is watched, of a row that has it."""
    names = ("credential_id", "verification_methods", "signed_at", "valid_from", "valid_until")
    return Watched(**{name: row[name] for name in names})


async def _refuse_more(tx: Tx, employer_id: UUID, terms: Terms) -> None:
    if await store.count_open(tx, employer_id) >= terms.most:
        raise Conflict("too_many_watches", f"At most {terms.most} badges can be watched at a time.")


async def _beginning(tx: Tx, row: Any, rules: Rules) -> dict[str, Any]:
    """Return what is watched of a badge, and how its answer stands."""
    if row["verification_methods"] is None:
        detail = "By which key and until when this badge is valid is not known here: verify it, then watch it."
        raise Conflict("verify_first", detail)
    watched = watched_of(row)
    (known,) = await look_up(tx, [watched.facts(rules)])
    return {**row, **asdict(answer(watched, known, rules) or UNDECIDED)}


async def _credential_of(tx: Tx, wanted: Wanted) -> UUID:
    if wanted.verification_id is None:
        if wanted.credential_id is None:
            raise Invalid("nothing_to_watch", "Either verification_id or credential_id is needed.")
        return wanted.credential_id
    verified = await verifications.one(tx, wanted.verification_id)
    if verified is None:
        raise NotFound("verification_not_found", "There is no verification with this id.")
    if verified["credential_id"] is None:
        raise Invalid("not_of_this_registry", "Badges of this registry alone can be watched: of others no news comes.")
    credential_id: UUID = verified["credential_id"]
    return credential_id


def _until(until: datetime | None, now: datetime, terms: Terms) -> datetime:
    if until is None:
        return now + terms.default
    if not now < until <= now + terms.longest:
        detail = f"A watch ends in time to come, in {terms.longest.days} days at the latest."
        raise Invalid("until_out_of_range", detail)
    return until


def _unknown() -> NotFound:
    return NotFound("watch_not_found", "There is no watch with this id.")
