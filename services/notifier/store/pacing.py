"""The pace of mails as the database keeps it: to whom each goes, by digests, and until when slots are given."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.notifier.pace import Key, Pace, Paced, plan
from shared.db import Tx


async def paced(tx: Tx, ids: Sequence[UUID], pace: Pace, now: datetime, room: int) -> dict[UUID, bytes | None]:
    """Give the mails `ids`, which the transaction has locked, their slots, until `room` of them may be sent.

    Return those, each with the domain that it goes to; a mail whose address is not known has no pace, and none.
    """
    due = await _addressed(tx, ids)
    unknown = set(ids) - {mail.id for mail in due}
    keys = sorted({key for mail in due for key in (mail.address, mail.domain)})
    free_at = await _locked(tx, keys, now)
    made = plan(
        due, free_at, await _under_way(tx, {mail.domain for mail in due}, now), pace, now, max(0, room - len(unknown))
    )
    await _store(tx, free_at)
    await tx.execute(
        """
        update deliveries d set due_at = later.at, slotted = true
        from unnest($1::uuid[], $2::timestamptz[]) as later(id, at) where d.id = later.id
        """,
        list(made.later),
        list(made.later.values()),
    )
    return {**dict.fromkeys(unknown), **{mail.id: mail.domain.digest for mail in made.now}}


async def keep_slots(tx: Tx, ids: Collection[UUID]) -> None:
    """Let mails that may be sent, and for which there is no room yet, keep the slots that they were given."""
    if ids:
        await tx.execute("update deliveries set slotted = true where id = any($1)", list(ids))


async def forget_old(tx: Tx) -> None:
    """Delete what has served."""
    await tx.execute("delete from mail_pace where free_at < laurel_clock()")


async def _addressed(tx: Tx, ids: Sequence[UUID]) -> Sequence[Paced]:
    rows = await tx.fetch(
        """
        select d.id, d.slotted, sha256(convert_to(told.address, 'UTF8')) as address,
               sha256(convert_to(split_part(told.address, '@', -1), 'UTF8')) as domain
        from unnest($1::uuid[]) with ordinality as wanted(id, place) join deliveries d using (id)
        left join recipients r on r.credential_id = d.credential_id and d.target = d.credential_id
        left join endpoints e on e.id = coalesce(d.via, d.target)
        cross join lateral (select lower(btrim(coalesce(r.email,
            case when d.type in ('endpoint.disabled', 'endpoint.enabled') and d.via is null then e.contact
                 when e.url like 'mailto:%' then substr(e.url, 8) end)) collate "C") as address) as told
        where told.address is not null order by wanted.place
        """,
        ids,
    )
    return [
        Paced(row["id"], Key("address", row["address"]), Key("domain", row["domain"]), row["slotted"]) for row in rows
    ]


async def _locked(tx: Tx, keys: Sequence[Key], now: datetime) -> dict[Key, datetime]:
    """Lock the rows of `keys`, always in one order; whoever comes second sees what the first has given."""
    rows = await tx.fetch(
        """
        insert into mail_pace as known (kind, key, free_at)
        select kind, key, $3 from unnest($1::text[], $2::bytea[]) as wanted(kind, key) order by kind, key
        on conflict (kind, key) do update set free_at = greatest(known.free_at, excluded.free_at)
        returning kind, key, free_at
        """,
        [key.kind for key in keys],
        [key.digest for key in keys],
        now,
    )
    return {Key(row["kind"], row["key"]): row["free_at"] for row in rows}


async def _under_way(tx: Tx, domains: set[Key], now: datetime) -> Counter[Key]:
    rows = await tx.fetch(
        "select lane, count(*) from deliveries where lane = any($1::bytea[]) and leased_until > $2 group by lane",
        [key.digest for key in domains],
        now,
    )
    return Counter({Key("domain", row["lane"]): row["count"] for row in rows})


async def _store(tx: Tx, free_at: Mapping[Key, datetime]) -> None:
    await tx.execute(
        """
        update mail_pace p set free_at = new.free_at
        from unnest($1::text[], $2::bytea[], $3::timestamptz[]) as new(kind, key, free_at)
        where p.kind = new.kind and p.key = new.key
        """,
        [key.kind for key in free_at],
        [key.digest for key in free_at],
        list(free_at.values()),
    )
