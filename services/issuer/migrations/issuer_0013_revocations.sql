-- Revocations of many badges at once: what was confirmed, and each badge with what became of it.

create table revocations (
    id              uuid        primary key,
    institution_id  uuid        not null references institutions,
    state           text        not null check (state in ('running', 'paused', 'done', 'cancelled')),
    selection       jsonb       not null,  -- as it was asked for; of ids their number
    digest          text        not null,  -- of the preview that was confirmed
    reason_code     text        not null,
    reason_note     text,
    reissue         boolean     not null default false,
    actor_role      text        not null,
    actor_key_id    text        not null,
    traceparent     text,
    badges          integer     not null,
    revoked         integer     not null default 0,
    already_revoked integer     not null default 0,
    created_at      timestamptz not null,
    resumed_at      timestamptz not null,            -- since when it has been running; the rate is counted from here
    resumed_with    integer     not null default 0,  -- badges that were done by then
    touched_at      timestamptz not null,            -- the last chunk; whose is oldest comes next
    ended_at        timestamptz
);
create index revocations_institution on revocations (institution_id, created_at desc, id desc);
create index revocations_running on revocations (touched_at) where state = 'running';
alter table revocations enable row level security;
alter table revocations force row level security;
create policy tenant on revocations using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- Without foreign keys: up to a million rows come at once, and each would be looked up.
create table revocation_items (
    revocation_id  uuid    not null,
    credential_id  uuid    not null,
    institution_id uuid    not null,
    version        integer not null,  -- as it was confirmed
    outcome        text    check (outcome in ('revoked', 'already_revoked')),  -- null: to be done
    primary key (revocation_id, credential_id)
);
create index revocation_items_waiting on revocation_items (revocation_id, credential_id) where outcome is null;
alter table revocation_items enable row level security;
alter table revocation_items force row level security;
create policy tenant on revocation_items
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

create index credentials_signing_key on credentials (signing_key_id, issued_at desc, id desc);
