"""What one attempt needs of the database beyond its delivery: the endpoint, or the person, and what is to be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.notifier.domain import ENGLISH, Notice
from services.notifier.store.queue import Claim
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook's endpoint; `secrets` are sealed, the newest first, and all of them sign."""

    endpoint_id: UUID
    url: str
    disabled: bool
    secrets: tuple[bytes, ...]
    notice: Notice | None  # None: there was no event, this is a test


@dataclass(frozen=True, slots=True)
class Template:
    """A tenant's own words for a mail."""

    subject: str
    text: str
    html: str | None


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail to a learner is made of; `suppressed` says why none may be sent."""

    email: str
    owner_token: str
    credential: dict[str, Any]
    institution: str
    institution_url: str | None
    reason: str | None
    note: str | None
    actor_role: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    language: str | None = None
    suppressed: str | None = None
    template: Template | None = None


@dataclass(frozen=True, slots=True)
class EndpointMail:
    """What a mail to an endpoint is made of, or to its owner; `badge` is named to its own institution alone."""

    email: str
    url: str
    reason: str | None
    owner: str | None
    badge: str | None
    language: str | None
    suppressed: str | None
    notice: Notice | None


async def hook(tx: Tx, claim: Claim) -> Hook | None:
    """Return what the webhook `claim` needs; None where its endpoint was removed."""
    row = await tx.fetchrow(
        """
        select e.id as endpoint_id, e.url, e.disabled_at, e.secret,
               case when e.previous_until > laurel_clock() then e.previous_secret end as previous, n.*
        from endpoints e left join notices n on n.event_id = $2 where e.id = $1
        """,
        claim.target,
        claim.event_id,
    )
    if row is None:
        return None
    secrets = tuple(secret for secret in (row["secret"], row["previous"]) if secret)
    said = Notice(**{name: row[name] for name in Notice.__slots__}) if row["event_id"] else None
    return Hook(row["endpoint_id"], row["url"], row["disabled_at"] is not None, secrets, said)


async def letter(tx: Tx, claim: Claim) -> Letter | None:
    """Return what the mail `claim` to a learner needs.

    None where the learner was erased or hears of a newer badge, or where what runs out has ended or goes on meanwhile.
    """
    row = await tx.fetchrow(
        """
        select r.email, r.owner_token, r.credential, i.url as institution_url, n.reason, n.actor_role, n.facts,
               coalesce(i.name, r.credential #>> '{issuer,name}') as institution, r.revocation_note as note, m.language,
               notifier_suppressed(r.institution_id, r.email) as suppressed,
               case when t.type is not null then array[t.subject, t.text, t.html] end as template
        from recipients r join notices n on n.event_id = $2 left join institutions i on i.id = r.institution_id
        left join mail_settings m on m.tenant_id = r.institution_id
        left join templates t on t.tenant_id = r.institution_id and t.type = $3
                             and t.language = coalesce(m.language, $4)
        where r.credential_id = $1 and r.email is not null and not (n.type = 'credential.replaced' and exists (
            select from recipients newer where newer.credential_id = (n.facts ->> 'replaced_by')::uuid
            and lower(btrim(newer.email) collate "C") = lower(btrim(r.email) collate "C")))
          and not (n.type = 'credential.expiring' and (
            exists (select from notices ended where ended.credential_id = r.credential_id
                    and ended.type in ('credential.revoked', 'credential.replaced'))
            or exists (select from notices newer where newer.facts ->> 'renews' = r.credential_id::text)))
        """,
        claim.target,
        claim.event_id,
        claim.type,
        ENGLISH,
    )
    if row is None:
        return None
    return Letter(**{**row, "template": Template(*row["template"]) if row["template"] else None})


async def endpoint_mail(tx: Tx, claim: Claim) -> EndpointMail | None:
    """Return what the mail `claim` to an endpoint needs; None where it is not to be sent any more."""
    row = await tx.fetchrow(
        """
        select told.email, e.url, e.disabled_reason, i.name as owner, m.language, n.*,
               (select r.credential #>> '{credentialSubject,achievement,name}' from recipients r
                where r.credential_id = n.credential_id and r.institution_id = e.tenant_id) as badge,
               notifier_suppressed(e.tenant_id, told.email) as suppressed
        from endpoints e left join endpoints via on via.id = $4
        cross join lateral (select case when $4 is not null then substr(via.url, 8)
                                        when $3 in ('endpoint.disabled', 'endpoint.enabled') then e.contact
                                        when e.url like 'mailto:%' then substr(e.url, 8) end as email) as told
        left join notices n on n.event_id = $2
        left join institutions i on i.id = e.tenant_id left join mail_settings m on m.tenant_id = e.tenant_id
        where e.id = $1 and told.email is not null and via.disabled_at is null
          and case $3 when 'endpoint.disabled' then e.disabled_at is not null
                      when 'endpoint.enabled' then e.disabled_at is null
                      when 'endpoint.confirm' then e.confirmed_at is null
                      else e.confirmed_at is not null and e.disabled_at is null end
        """,
        claim.target,
        claim.event_id,
        claim.type,
        claim.via,
    )
    if row is None:
        return None
    said = Notice(**{name: row[name] for name in Notice.__slots__}) if row["event_id"] else None
    of_the_endpoint = ("email", "url", "owner", "badge", "language", "suppressed")
    return EndpointMail(reason=row["disabled_reason"], notice=said, **{name: row[name] for name in of_the_endpoint})
