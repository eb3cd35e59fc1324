-- The tables of shared/web, the same in every service's database.

-- The service's own keys and its copies of others' (newest version wins). The hash is SHA-256 of 32 random bytes.
create table api_keys (
    id          uuid        primary key,
    version     bigint      not null,
    tenant_kind text        not null check (tenant_kind in ('institution', 'employer')),
    tenant_id   uuid        not null,
    name        text,
    hash        bytea       not null,
    scopes      text[]      not null,
    created_at  timestamptz not null,
    expires_at  timestamptz,
    revoked_at  timestamptz
);
create index api_keys_tenant on api_keys (tenant_id, id);
alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy tenant on api_keys using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- A key is looked up before its tenant is known. The owner's function is bound by the forced policy too,
-- so a second policy opens the table to the owner alone.
do $$ begin
    execute format('create policy lookup on api_keys to %I using (true)', current_user);
end $$;
create function find_api_key(wanted uuid) returns setof api_keys
    language sql stable security definer set search_path = public as
$$ select * from api_keys where id = wanted $$;

create table idempotency (
    tenant_id    uuid        not null,
    key          text        not null,
    row          integer     not null default -1,  -- -1: the request itself; else one row of its batch
    digest       bytea       not null,
    status       integer,
    code         text,                             -- of a 4xx answer, its problem's code
    resource_id  uuid,
    created_at   timestamptz not null default clock_timestamp(),
    primary key (tenant_id, key, row)
);
create index idempotency_age on idempotency (created_at);
alter table idempotency enable row level security;
alter table idempotency force row level security;
create policy tenant on idempotency using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
