"""Requests for the links of an address's badges: stored for those who ask, looked up by the sender alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.notifier.domain import ENGLISH, MY_LINKS, address_digest
from services.notifier.store.deliveries import SENDERS
from shared.bell import leave_work_for
from shared.credentials.identity import normal_address
from shared.db import Tx
from shared.web.auth import NOBODY

# However often it is asked for, an address is written to once in this time.
PATIENCE = timedelta(minutes=10)
# A request that could not be answered by then is forgotten.
REQUESTS_KEPT = timedelta(days=1)
# Its delivery names nobody; it is kept for operators who look.
DELIVERIES_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Linked:
    """A badge, as a list of links names it."""

    credential_id: UUID
    owner_token: str
    badge: str
    institution: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Links:
    """The badges of one address as it stands in the newest of them, the newest first."""

    email: str
    badges: Sequence[Linked]
    language: str = ENGLISH


async def ask(tx: Tx, request_id: UUID, address: str, traceparent: str | None) -> None:
    """Store a request and its delivery, on a transaction of nobody's: nothing is looked up."""
    leave_work_for(SENDERS)
    await tx.execute("insert into link_requests (id, address) values ($1, $2)", request_id, normal_address(address))
    await tx.execute(
        """
        insert into deliveries (tenant_id, event_id, type, channel, target, due_at, traceparent)
        values ($1, $2, $3, 'mail', $2, laurel_clock(), $4)
        """,
        NOBODY,
        request_id,
        MY_LINKS,
        traceparent,
    )


async def find(tx: Tx, request_id: UUID, most: int) -> Links | None:
    """Return the newest recorded badges, `most` of them, of the address that asks; None where there are none."""
    rows = await tx.fetch(
        """
        with newest as materialized (
            select r.credential_id, n.happened_at
            from link_requests asked
            join recipients r on lower(btrim(r.email) collate "C") = asked.address
            join notices n on n.credential_id = r.credential_id
                          and n.type in ('credential.issued', 'credential.renewed')
            where asked.id = $1 and n.happened_at is not null and n.recorded_at is not null
            order by n.happened_at desc, r.credential_id limit $2
        )
        select r.credential_id, r.owner_token, btrim(r.email) as email,
               r.credential #>> '{credentialSubject,achievement,name}' as badge,
               coalesce(i.name, r.credential #>> '{issuer,name}') as institution, newest.happened_at as issued_at,
               m.language
        from newest join recipients r using (credential_id) left join institutions i on i.id = r.institution_id
        left join mail_settings m on m.tenant_id = r.institution_id
        order by newest.happened_at desc, r.credential_id
        """,
        request_id,
        most,
    )
    if not rows:
        return None
    badges = [Linked(**{name: row[name] for name in Linked.__slots__}) for row in rows]
    return Links(rows[0]["email"], badges, rows[0]["language"] or ENGLISH)


async def take_turn(tx: Tx, request_id: UUID, address: str, mail: str) -> bool:
    """Let a request be the one that `address` is written to for; False where another was within PATIENCE.

    Each `mail` has turns of its own: whoever gives an address as an endpoint, and sees what comes of that, would else
    learn whether there were links to mail to it.
    """
    taken = await tx.fetchval(
        """
        insert into link_mails as last (address, request_id, taken_at) values ($1, $2, laurel_clock())
        on conflict (address) do update set request_id = excluded.request_id, taken_at = excluded.taken_at
        where last.request_id = excluded.request_id or last.taken_at <= excluded.taken_at - $3::interval
        returning true
        """,
        address_digest(address if mail == MY_LINKS else f"{mail} {address}"),
        request_id,
        PATIENCE,
    )
    return taken is not None


async def forget(tx: Tx, request_id: UUID) -> None:
    """Delete a request whose delivery has ended."""
    await tx.execute("delete from link_requests where id = $1", request_id)


async def forget_old(tx: Tx) -> None:
    """Delete what has served: requests that nobody could answer, the addresses' turns, deliveries long past."""
    await tx.execute("delete from link_requests where created_at < laurel_clock() - $1::interval", REQUESTS_KEPT)
    await tx.execute("delete from link_mails where taken_at < laurel_clock() - $1::interval", PATIENCE)
    await tx.execute(
        "delete from deliveries where tenant_id = $1 and type = $2 and created_at < laurel_clock() - $3::interval",
        NOBODY,
        MY_LINKS,
        DELIVERIES_KEPT,
    )
