-- Employers (the tenants) and what was answered to them. The credentials themselves are never stored.

create table employers (
    id         uuid        primary key,
    version    bigint      not null,
    name       text        not null,
    url        text,
    created_at timestamptz not null default laurel_clock()
);
alter table employers enable row level security;
alter table employers force row level security;
create policy tenant on employers using (id = nullif(current_setting('app.tenant', true), '')::uuid);

-- Rows of one request have its request_id. Nothing here tells of an expected recipient, not even that there was one.
create table verifications (
    id              uuid        primary key,
    request_id      uuid        not null,
    place           integer     not null,  -- in its request, from 0
    employer_id     uuid,                  -- null: asked without an employer's key
    credential_id   uuid,                  -- null: no badge of this registry
    institution_id  uuid,
    document_digest text,
    verdict         text        not null check (verdict in ('valid', 'invalid', 'unknown')),
    reason          text,
    standing        text        not null,
    checks          jsonb       not null,  -- [{name, outcome, code}]
    status_as_of    timestamptz,
    verified_at     timestamptz not null
);
create index verifications_employer on verifications (employer_id, verified_at desc, id desc);
create index verifications_request on verifications (request_id);
alter table verifications enable row level security;
alter table verifications force row level security;
-- The api adds rows and reads its tenant's; it changes and deletes none.
create policy own on verifications for select
    using (employer_id = nullif(current_setting('app.tenant', true), '')::uuid);
create policy answered on verifications for insert
    with check (employer_id is null or employer_id = nullif(current_setting('app.tenant', true), '')::uuid);
