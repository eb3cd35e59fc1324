-- The record: what the registry alone knows for certain. Its api may read what is its tenant's; nobody but the worker writes.

create table credentials (
    id                  uuid        primary key,
    institution_id      uuid        not null,
    achievement_id      uuid        not null,
    achievement_version integer     not null,
    version             integer     not null,
    status              text        not null check (status in ('issued', 'suspended', 'revoked')),
    positions           jsonb       not null,
    document_digest     text        not null,
    issued_at           timestamptz not null,
    changed_at          timestamptz not null
);
create index credentials_search on credentials (institution_id, issued_at desc, id desc);

create table history (
    credential_id  uuid        not null references credentials,
    version        integer     not null,
    institution_id uuid        not null,
    type           text        not null check (type in ('issued', 'suspended', 'reinstated', 'revoked')),
    time           timestamptz not null,
    event_id       uuid        not null unique,
    recorded_at    timestamptz not null,
    actor_role     text        not null,
    actor_key      text        not null,
    reason_code    text,
    log_index      bigint,  -- null until the transparency log has it
    primary key (credential_id, version)
);

-- What an erasure takes stands apart: rows of these two go, the record above stays.
create table documents (
    credential_id    uuid  primary key references credentials,
    institution_id   uuid  not null,
    document         json  not null,  -- not jsonb: the order of members and the form of numbers are the signer's
    owner_token_hash bytea not null
);
create table openings (
    credential_id  uuid    not null,
    version        integer not null,
    institution_id uuid    not null,
    salt           text    not null,
    note           text,
    primary key (credential_id, version),
    foreign key (credential_id, version) references history
);

-- A verification may be here before the badge it speaks of: no foreign key.
create table verifications (
    id            uuid        primary key,
    event_id      uuid        not null unique,
    credential_id uuid,
    employer_id   uuid,
    verdict       text        not null,
    reason        text,
    standing      text        not null,
    verified_at   timestamptz not null
);
create index verifications_credential on verifications (credential_id) where credential_id is not null;

-- Policies for select alone: the app role inserts, updates and deletes nothing.
alter table credentials enable row level security;
alter table history enable row level security;
alter table documents enable row level security;
alter table openings enable row level security;
alter table verifications enable row level security;
alter table credentials force row level security;
alter table history force row level security;
alter table documents force row level security;
alter table openings force row level security;
alter table verifications force row level security;
create policy tenant on credentials for select
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);
create policy tenant on history for select
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);
create policy tenant on documents for select
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);
create policy tenant on openings for select
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);
-- The record's own policy holds inside the subquery: an institution sees verifications of its badges.
create policy tenant on verifications for select
    using (exists (select from credentials where id = credential_id));
-- The functions below read as the owner, whom the forced policies bind too.
do $$ begin
    execute format('create policy lookup on credentials for select to %I using (true)', current_user);
    execute format('create policy lookup on history for select to %I using (true)', current_user);
    execute format('create policy lookup on documents for select to %I using (true)', current_user);
end $$;

-- The public form of a record: what anybody may know who knows its id.
create function public_credential(wanted uuid) returns table (
    id uuid, institution_id uuid, achievement_id uuid, achievement_version integer, version integer, status text,
    issued_at timestamptz, history jsonb)
    language sql stable security definer set search_path = public as
$$
    select c.id, c.institution_id, c.achievement_id, c.achievement_version, c.version, c.status, c.issued_at,
           (select jsonb_agg(jsonb_build_object('version', h.version, 'type', h.type, 'time', h.time,
                                                'event_id', h.event_id, 'log_index', h.log_index) order by h.version)
            from history h where h.credential_id = c.id)
    from credentials c where c.id = wanted
$$;

-- The signed document, for whoever holds the owner's link.
create function owner_document(wanted uuid, token_hash bytea) returns json
    language sql stable security definer set search_path = public as
$$ select document from documents where credential_id = wanted and owner_token_hash = token_hash $$;
