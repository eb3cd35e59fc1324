"""Revocations of many badges: what a selection holds, what was confirmed of it, and what is still to be done."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.issuer.domain.revocations import CHUNK, Done, State
from services.issuer.domain.row import Row
from services.issuer.domain.selection import Selection
from services.issuer.store.selection import where
from shared.bell import leave_work_for
from shared.db import Tx

REVOKER = "revoker"  # shared.bell
SAMPLES = 10
# Of the achievements of a selection, those with the most badges.
ACHIEVEMENTS = 100

# What domain.revocations.digest says of `badges`.
_DIGEST = f"""
    select sha256(coalesce(string_agg(digest, ''::bytea order by chunk), ''::bytea)) from (
        select chunk, sha256(string_agg(uuid_send(id) || int4send(version), ''::bytea order by id)) as digest
        from (select id, version, (row_number() over (order by id) - 1) / {CHUNK} as chunk from chosen) numbered
        group by chunk) chunks
"""  # noqa: S608  # a number of ours


async def preview(tx: Tx, institution_id: UUID, selection: Selection, ids_up_to: int | None = None) -> Row:
    """Return what a selection holds, as of one moment: `digest` of its badges, counts, and samples.

    Learners are told apart by address, or else by the id that they have in their badges. Nothing of it is loaded: a
    million badges take no memory here. But of up to `ids_up_to` badges `ids` is the JSON of all ids, in their order;
    it is null of more, or where it is not asked for.
    """
    condition, values = where(institution_id, selection)
    row: Row | None = await tx.fetchrow(
        f"""
        with chosen as materialized (
            select c.id, c.version, c.status, c.achievement_id, c.issued_at,
                   coalesce(lower(d.email), d.document #>> '{{credentialSubject,id}}', c.id::text) as learner
            from credentials c left join credential_contents d on d.credential_id = c.id
            where {condition}),
        by_status as (select status, count(*) as badges from chosen group by status),
        by_achievement as (
            select achievement_id, count(*) as badges from chosen group by achievement_id
            order by count(*) desc, achievement_id limit {ACHIEVEMENTS}),
        samples as (
            select id, achievement_id, status, version, issued_at from chosen order by md5(id::text) limit {SAMPLES})
        select ({_DIGEST}) as digest,
               (select count(*) from chosen) as badges,
               (select count(distinct learner) from chosen) as learners,
               (select coalesce(jsonb_object_agg(status, badges), '{{}}') from by_status) as by_status,
               (select coalesce(jsonb_agg(to_jsonb(a)), '[]') from by_achievement a) as by_achievement,
               (select coalesce(jsonb_agg(to_jsonb(s)), '[]') from samples s) as samples,
               case when (select count(*) from chosen) <= ${len(values) + 1}::int
                    then (select coalesce(json_agg(id order by id), '[]')::text from chosen) end as ids
        """,  # noqa: S608  # conditions and numbers of ours
        *values,
        ids_up_to,
    )
    if row is None:
        raise LookupError("an aggregate without a row")
    return row


async def lock_open(tx: Tx, institution_id: UUID) -> dict[str, UUID]:
    """Return an institution's revocations that have not ended, by the digests that were confirmed.

    Nobody else begins one for it until the transaction ends.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"laurel/revocations/{institution_id}")
    rows = await tx.fetch(
        "select id, digest from revocations where institution_id = $1 and state in ('running', 'paused')",
        institution_id,
    )
    return {row["digest"]: row["id"] for row in rows}


async def insert(tx: Tx, row: Row) -> None:
    """Insert a revocation that begins at `created_at`, its badges not counted yet."""
    leave_work_for(REVOKER)
    await tx.execute(
        """
        insert into revocations (id, institution_id, state, selection, digest, reason_code, reason_note, reissue,
                                 actor_role, actor_key_id, traceparent, badges, created_at, resumed_at, touched_at)
        values ($1, $2, 'running', $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $11, $11)
        """,
        row["id"], row["institution_id"], row["selection"], row["digest"], row["reason_code"], row["reason_note"],
        row["reissue"], row["actor_role"], row["actor_key_id"], row["traceparent"], row["created_at"],
    )  # fmt: skip


async def insert_items(tx: Tx, revocation_id: UUID, institution_id: UUID, selection: Selection) -> bytes:
    """Insert a revocation's badges as they are now, and count them; return their digest."""
    condition, values = where(institution_id, selection)
    await tx.execute(
        f"""
        insert into revocation_items (revocation_id, credential_id, institution_id, version)
        select ${len(values) + 1}, c.id, c.institution_id, c.version from credentials c where {condition}
        """,  # noqa: S608  # conditions of ours
        *values,
        revocation_id,
    )
    row: Any = await tx.fetchrow(
        f"""
        with chosen as materialized (
            select credential_id as id, version from revocation_items where revocation_id = $1),
        counted as (
            update revocations set badges = (select count(*) from chosen) where id = $1)
        select ({_DIGEST}) as digest
        """,  # noqa: S608  # numbers of ours
        revocation_id,
    )
    digest: bytes = row["digest"]
    return digest


Lock = Literal["", "for no key update", "for update"]


async def one(tx: Tx, institution_id: UUID, revocation_id: UUID, lock: Lock = "") -> Row | None:
    """Return an institution's revocation, kept from other changes of its state `for no key update`.

    `for update` waits until no chunk of it is under way.
    """
    return await tx.fetchrow(
        f"""
        select r.*, laurel_clock() as now from revocations r where id = $1 and institution_id = $2 {lock}
        """,  # noqa: S608  # one of three
        revocation_id,
        institution_id,
    )


async def page(tx: Tx, institution_id: UUID, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Row]:
    """Return up to `limit` of an institution's revocations, newest first, from after the place `after`."""
    return await tx.fetch(
        """
        select r.*, laurel_clock() as now from revocations r
        where institution_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
        order by created_at desc, id desc limit $4
        """,
        institution_id,
        *(after or (None, None)),
        limit,
    )


async def items(tx: Tx, institution_id: UUID, revocation_id: UUID, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return up to `limit` badges of a revocation with what became of each, in the order of ids."""
    return await tx.fetch(
        """
        select credential_id, outcome, replaced_by, trouble from revocation_items
        where revocation_id = $1 and institution_id = $2 and ($3::uuid is null or credential_id > $3)
        order by credential_id limit $4
        """,
        revocation_id,
        institution_id,
        after,
        limit,
    )


async def move(tx: Tx, revocation_id: UUID, state: State) -> None:
    """Set the state of a locked revocation: no chunk begins that does not find it running.

    The rate is counted anew from when it is resumed.
    """
    leave_work_for(REVOKER)
    await tx.execute(
        """
        update revocations set state = $2, trouble = null,
            ended_at = case when $2 = 'cancelled' then laurel_clock() end,
            resumed_at = case when $2 = 'running' then laurel_clock() else resumed_at end,
            resumed_with = case when $2 = 'running' then revoked + already_revoked else resumed_with end
        where id = $1
        """,
        revocation_id,
        state,
    )


async def hand_over(tx: Tx, revocation_id: UUID, key_id: str) -> None:
    """Let a locked revocation go on in the name of another API key."""
    await tx.execute("update revocations set actor_key_id = $2 where id = $1", revocation_id, key_id)


# What follows is the worker's.


async def running(tx: Tx, limit: int) -> list[UUID]:
    """Return up to `limit` revocations that run, those first of which something was done longest ago."""
    rows = await tx.fetch("select id from revocations where state = 'running' order by touched_at limit $1", limit)
    return [row["id"] for row in rows]


async def hold(tx: Tx, revocation_id: UUID) -> Row | None:
    """Return a revocation that runs, and let whoever has it `for update` wait until the transaction ends.

    Others may hold it at the same time, and count what they have done.
    """
    return await tx.fetchrow(
        "select * from revocations where id = $1 and state = 'running' for key share", revocation_id
    )


async def take(tx: Tx, revocation_id: UUID, limit: int) -> Sequence[Row]:
    """Lock and return up to `limit` badges that nobody else works on: `credential_id`, the `version` confirmed.

    Whose process ends gives them back with its transaction.
    """
    return await tx.fetch(
        """
        select credential_id, version from revocation_items where revocation_id = $1 and outcome is null
        order by credential_id limit $2 for update skip locked
        """,
        revocation_id,
        limit,
    )


async def finish(tx: Tx, revocation_id: UUID, done: Sequence[Done]) -> None:
    """Note what became of badges, and whether that was the last of them.

    Last in a transaction, because every other chunk waits for the revocation's row.
    """
    await tx.execute(
        """
        update revocation_items i set outcome = d.outcome, replaced_by = d.replaced_by, trouble = d.trouble
        from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[]) as d(id, outcome, replaced_by, trouble)
        where revocation_id = $1 and credential_id = d.id
        """,
        revocation_id,
        [each.credential_id for each in done],
        [each.outcome for each in done],
        [each.replaced_by for each in done],
        [each.trouble for each in done],
    )
    revoked = [each for each in done if each.outcome == "revoked"]
    await tx.execute(
        """
        update revocations set revoked = revoked + $2, already_revoked = already_revoked + $3,
                               reissued = reissued + $4, touched_at = laurel_clock()
        where id = $1
        """,
        revocation_id,
        len(revoked),
        len(done) - len(revoked),
        len([each for each in revoked if each.replaced_by]),
    )
    # A statement of its own: it sees what whoever had the row's lock has done.
    await tx.execute(
        """
        update revocations set state = 'done', ended_at = laurel_clock()
        where id = $1 and state in ('running', 'paused') and revoked + already_revoked = badges
        """,
        revocation_id,
    )


async def stop(tx: Tx, revocation_id: UUID, trouble: str) -> None:
    """Pause a revocation that can't go on as it is."""
    await tx.execute(
        "update revocations set state = 'paused', trouble = $2 where id = $1 and state = 'running'",
        revocation_id,
        trouble,
    )
