"""What one attempt needs of the database beyond its delivery: the endpoint, or the person, and what is to be told."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.notifier.domain import Notice
from services.notifier.store.queue import Claim
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook's endpoint; `secrets` are sealed, the newest first, and all of them sign."""

    endpoint_id: UUID
    url: str
    disabled: bool
    secrets: tuple[bytes, ...]
    notice: Notice


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail to a learner is made of."""

    email: str
    owner_token: str
    credential: dict[str, Any]
    institution: str
    institution_url: str | None
    reason: str | None
    note: str | None
    actor_role: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointDown:
    """What a mail to an endpoint's contact is made of."""

    email: str
    url: str
    reason: str


async def hook(tx: Tx, claim: Claim) -> Hook | None:
    """Return what the webhook `claim` needs; None where its endpoint was removed."""
    row = await tx.fetchrow(
        """
        select e.id as endpoint_id, e.url, e.disabled_at, e.secret,
               case when e.previous_until > laurel_clock() then e.previous_secret end as previous, n.*
        from endpoints e, notices n where e.id = $1 and n.event_id = $2
        """,
        claim.target,
        claim.event_id,
    )
    if row is None:
        return None
    secrets = tuple(secret for secret in (row["secret"], row["previous"]) if secret)
    said = Notice(**{name: row[name] for name in Notice.__slots__})
    return Hook(row["endpoint_id"], row["url"], row["disabled_at"] is not None, secrets, said)


async def letter(tx: Tx, claim: Claim) -> Letter | None:
    """Return what the mail `claim` to a learner needs; None where the learner was erased."""
    row = await tx.fetchrow(
        """
        select r.email, r.owner_token, r.credential, coalesce(i.name, r.credential #>> '{issuer,name}') as institution,
               i.url as institution_url, n.reason, n.actor_role, r.revocation_note as note
        from recipients r join notices n on n.event_id = $2 left join institutions i on i.id = r.institution_id
        where r.credential_id = $1 and r.email is not null
        """,
        claim.target,
        claim.event_id,
    )
    return Letter(**row) if row else None


async def endpoint_down(tx: Tx, claim: Claim) -> EndpointDown | None:
    """Return what the mail `claim` to an endpoint's contact needs; None where the endpoint works again or is gone."""
    row = await tx.fetchrow(
        """
        select contact as email, url, disabled_reason as reason from endpoints
        where id = $1 and contact is not null and disabled_at is not null
        """,
        claim.target,
    )
    return EndpointDown(**row) if row else None
