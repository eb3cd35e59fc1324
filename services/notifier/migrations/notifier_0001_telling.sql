-- What the notifier keeps: who is to be told, of what, through which channel, and how that went.

-- Copies of issuer.state.v1, newest version wins.
create table institutions (
    id      uuid   primary key,
    version bigint not null,
    name    text   not null,
    url     text
);

-- All that is kept of the person behind a credential: an erasure empties this table and no other.
create table recipients (
    credential_id   uuid  primary key,
    institution_id  uuid  not null,
    email           text,
    owner_token     text  not null,
    credential      jsonb not null,  -- the signed badge: the mail's attachment
    revocation_note text             -- the institution's words, and so perhaps about a person
);
-- No policy: the api's role sees none of it.
alter table recipients enable row level security;
alter table recipients force row level security;

-- What there is to tell. One half comes from the issuer (it happened), the other from the registry (it is recorded, so
-- its link leads somewhere), in either order; people are told when both are here.
create table notices (
    event_id       uuid        primary key,
    credential_id  uuid        not null,
    institution_id uuid        not null,
    version        integer     not null,
    type           text        not null check (type in ('credential.issued', 'credential.revoked')),
    happened_at    timestamptz,
    reason         text,
    recorded_at    timestamptz
);
create index notices_credential on notices (credential_id);
alter table notices enable row level security;
alter table notices force row level security;

create table endpoints (
    id              uuid        primary key,
    tenant_kind     text        not null check (tenant_kind in ('institution', 'employer')),
    tenant_id       uuid        not null,
    url             text        not null,
    events          text[],              -- null: all types
    contact         text,                -- told by mail when the endpoint is disabled
    secret          bytea       not null,  -- sealed (shared/sealing.py), bound to the id
    previous_secret bytea,
    previous_until  timestamptz,         -- up to then the secret before the last rotation signs as well
    disabled_at     timestamptz,
    disabled_reason text        check (disabled_reason in ('gone', 'unreachable')),
    accepted_at     timestamptz,         -- when it last took a delivery
    paused_until    timestamptz,         -- it asked for patience, or its proxy said that it is down
    created_at      timestamptz not null default laurel_clock()
);
create index endpoints_tenant on endpoints (tenant_id, id);
alter table endpoints enable row level security;
alter table endpoints force row level security;
create policy tenant on endpoints using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- One message to one target: a webhook to an endpoint, a mail to a credential's recipient or an endpoint's contact.
create table deliveries (
    id               uuid        primary key default gen_random_uuid(),
    tenant_id        uuid        not null,
    event_id         uuid        not null,
    type             text        not null,
    credential_id    uuid,
    channel          text        not null check (channel in ('mail', 'webhook')),
    target           uuid        not null,  -- the endpoint's id, or the credential's
    state            text        not null default 'waiting'
                                 check (state in ('waiting', 'delivered', 'failed', 'stale')),
    due_at           timestamptz not null,  -- first the event's own time, so that what comes too late shows
    leased_until     timestamptz,           -- a sender is at it; one that crashed is not waited for any longer
    attempts         integer     not null default 0,
    tries            integer     not null default 0,  -- attempts since the schedule last began
    possibly_doubled integer     not null default 0,  -- attempts after one whose end nobody knows
    traceparent      text,
    created_at       timestamptz not null default laurel_clock(),
    finished_at      timestamptz,
    unique (event_id, channel, target)
);
create index deliveries_waiting on deliveries (channel, due_at) where state = 'waiting';
create index deliveries_tenant on deliveries (tenant_id, created_at desc, id desc);
create index deliveries_credential on deliveries (credential_id);
alter table deliveries enable row level security;
alter table deliveries force row level security;
create policy tenant on deliveries using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);

create table attempts (
    delivery_id uuid        not null references deliveries on delete cascade,
    number      integer     not null,
    tenant_id   uuid        not null,
    started_at  timestamptz not null,
    ended_at    timestamptz,
    outcome     text        check (outcome in ('accepted', 'refused', 'retry', 'lost')),  -- null: under way
    status      integer,
    error       text,
    primary key (delivery_id, number)
);
alter table attempts enable row level security;
alter table attempts force row level security;
create policy tenant on attempts using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
