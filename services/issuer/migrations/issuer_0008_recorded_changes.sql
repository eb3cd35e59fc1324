-- What the transparency log is told beside credentials: institutions, signing keys, published achievements, each change
-- once, so that it can be told again word for word. What happened before there was this table the worker adds.

create table recorded_changes (
    id             bigint      generated always as identity primary key,
    event_id       uuid        not null unique,
    type           text        not null,  -- the event's
    key            text        not null,  -- the aggregate's
    version        bigint      not null,
    institution_id uuid        not null,
    time           timestamptz not null,
    salt           bytea       check (octet_length(salt) = 32),  -- null once erased
    actor_role     text        not null,
    actor_key_id   text        not null,
    content        jsonb       not null,  -- the event's own members; no personal data
    backfilled     boolean     not null default false,
    unique (type, key, version)
);
alter table recorded_changes enable row level security;
alter table recorded_changes force row level security;
create policy tenant on recorded_changes
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);
