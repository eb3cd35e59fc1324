-- Watches: what employers want to hear of. They are here alone: on no topic, in no other service, in no log.

-- What a badge says of itself, so that its answer can be found again without it.
alter table verifications add column valid_from timestamptz;
alter table verifications add column valid_until timestamptz;
alter table verifications add column signed_at timestamptz;
alter table verifications add column verification_methods text[];  -- null: not kept of answers before
create index verifications_credential on verifications (credential_id, employer_id) where credential_id is not null;

-- The same by the issuer's state records, as far as those tell it.
alter table credentials add column if not exists valid_from timestamptz;
alter table credentials add column if not exists valid_until timestamptz;
alter table credentials add column if not exists signing_key_id uuid;
alter table credentials add column if not exists replaced_by uuid;

create table watches (
    id                   uuid        primary key,
    employer_id          uuid        not null,
    credential_id        uuid        not null,
    institution_id       uuid        not null,
    verification_id      uuid,                  -- by which the employer named the badge; null: by its id
    verification_methods text[]      not null,
    signed_at            timestamptz not null,
    valid_from           timestamptz,
    valid_until          timestamptz,
    channels             text[]      not null,  -- beside the feed
    until                timestamptz not null,
    created_at           timestamptz not null,
    -- The answer that the employer knows of; unknown until the first that could be decided.
    verdict              text        not null check (verdict in ('valid', 'invalid', 'unknown')),
    reason               text,
    standing             text        not null,
    number               integer     not null default 0,  -- of the last change that was told
    told_change          text,
    told_at              timestamptz,
    -- When it is looked at next: as news comes, and when a date of the badge comes. Null: nothing to wait for.
    due_at               timestamptz,
    unique (employer_id, credential_id)         -- so that a change is told once
);
create index watches_due on watches (due_at) where due_at is not null;
create index watches_credential on watches (credential_id, id);
create index watches_institution on watches (institution_id, id);
create index watches_employer on watches (employer_id, created_at desc, id desc);
create index watches_until on watches (until);
alter table watches enable row level security;
alter table watches force row level security;
create policy tenant on watches using (employer_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- What employers were told. `place` is given under a lock of its employer that is held until it is committed, so that
-- none appears before another that was already read.
create table watch_events (
    employer_id   uuid        not null,
    place         bigint      not null,
    event_id      uuid        not null,
    watch_id      uuid        not null,
    number        integer     not null,
    credential_id uuid        not null,
    change        text        not null,
    verdict       text        not null,
    reason        text,
    standing      text        not null,
    channels      text[]      not null,
    changed_at    timestamptz not null,
    told_at       timestamptz not null,
    primary key (employer_id, place),
    unique (watch_id, number)
);
create index watch_events_age on watch_events (told_at);
create unique index watch_events_id on watch_events (event_id);
alter table watch_events enable row level security;
alter table watch_events force row level security;
create policy own on watch_events for select
    using (employer_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- The last place in each employer's feed; and of which credentials and institutions there is news to look into. `reached`
-- is how far an institution's many watches are done. Both are the worker's alone: no policy lets the api's role at them.
create table watch_feeds (
    employer_id uuid   primary key,
    last        bigint not null
);
create table watch_news (
    id      bigint generated always as identity primary key,
    subject uuid   not null,
    reached uuid
);
alter table watch_feeds enable row level security;
alter table watch_news enable row level security;
