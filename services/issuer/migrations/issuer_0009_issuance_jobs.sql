-- Issuance jobs: files of learners, what became of each row, and which rows have a badge.

create table issuance_jobs (
    id              uuid        primary key,
    institution_id  uuid        not null,
    achievement_id  uuid        not null,
    name            text,
    formats         text[]      not null,
    auto_confirm    boolean     not null,
    release_at      timestamptz,          -- until then what is confirmed is held
    kind            text        not null check (kind in ('csv', 'jsonl')),
    phase           text        not null check (phase in ('reading', 'linting', 'preview', 'held', 'running', 'done',
                                                          'cancelled', 'failed')),
    paused          boolean     not null default false,
    state           text        not null generated always as (
        case when paused and phase not in ('done', 'cancelled', 'failed') then 'paused' else phase end) stored,
    reason_code     text,                 -- why it is paused or failed
    reason          text,
    delimiter       text,
    header          text[],               -- the columns as they were sent
    columns         text[],               -- what each of them is; '' for one that is ignored
    rows            integer     not null default 0,
    last_row        integer     not null default 0,
    chunk_rows      integer     not null,
    repeated        integer     not null default 0,  -- rows of the file that an earlier row of it has said already
    created_key     text        not null,
    actor_key       text        not null,  -- in whose name is issued: the key that confirmed
    history         jsonb       not null,  -- who did what to it, and when
    created_at      timestamptz not null default laurel_clock(),
    touched_at      timestamptz not null default laurel_clock(),  -- of an upload: when its last piece came
    phase_at        timestamptz not null default laurel_clock(),  -- when the phase began
    ended_at        timestamptz,
    rows_removed_at timestamptz
);
create index issuance_jobs_institution on issuance_jobs (institution_id, created_at desc, id desc);
create index issuance_jobs_open on issuance_jobs (phase) where ended_at is null;
create index issuance_jobs_kept on issuance_jobs (ended_at) where rows_removed_at is null;
alter table issuance_jobs enable row level security;
alter table issuance_jobs force row level security;
create policy tenant on issuance_jobs using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- Shares of a job that workers take, each for as long as its lease lasts; `phase` is what is to be done to it next.
create table issuance_job_chunks (
    job_id         uuid        not null references issuance_jobs,
    number         integer     not null,
    institution_id uuid        not null,
    phase          text        not null default 'linting' check (phase in ('linting', 'running', 'done')),
    lease          uuid,
    leased_until   timestamptz,
    tries          integer     not null default 0,
    rows           integer     not null default 0,  -- those that were linted
    valid          integer     not null default 0,
    errors         integer     not null default 0,
    already        integer     not null default 0,
    issued         integer     not null default 0,
    finished_at    timestamptz,  -- when its latest phase was
    primary key (job_id, number)
);
create index issuance_job_chunks_waiting on issuance_job_chunks (job_id, phase, number);
create index issuance_job_chunks_leased on issuance_job_chunks (institution_id) where lease is not null;
alter table issuance_job_chunks enable row level security;
alter table issuance_job_chunks force row level security;
create policy tenant on issuance_job_chunks
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- When each institution last had a turn: workers take the chunk of the one that waits longest.
create table issuance_turns (
    institution_id uuid        primary key,
    at             timestamptz not null
);
alter table issuance_turns enable row level security;
alter table issuance_turns force row level security;

-- The rows, with everything personal in them: gone some days after the job's end.
create table issuance_job_rows (
    job_id         uuid    not null,
    number         integer not null,  -- as a spreadsheet counts
    institution_id uuid    not null,
    sent           text    not null,  -- JSON: the cells, or one text with the line of JSON
    key            bytea,             -- which badge it asks for; null where it can't be read
    digest         bytea,             -- of what it asks for
    wanted         text,              -- JSON: the order
    "column"       text,
    code           text,              -- why it has no badge
    detail         text,
    already        uuid,              -- the badge that another job, or row, has made of it
    primary key (job_id, number)
);
create index issuance_job_rows_failed on issuance_job_rows (job_id, number) where code is not null;
alter table issuance_job_rows enable row level security;
alter table issuance_job_rows force row level security;
create policy tenant on issuance_job_rows
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- Which badge each row key has: a row issues once, in whatever job. No personal data but digests of it.
create table issued_rows (
    institution_id uuid    not null,
    key            bytea   not null,
    digest         bytea   not null,
    credential_id  uuid    not null,
    job_id         uuid    not null,
    number         integer not null,
    primary key (institution_id, key)
);
create index issued_rows_job on issued_rows (job_id, number);
create index issued_rows_credential on issued_rows (credential_id);
alter table issued_rows enable row level security;
alter table issued_rows force row level security;
create policy tenant on issued_rows using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- What is being uploaded: COPY does not go into a table with row-level security, so here routes may only add.
create table issuance_job_uploads (
    job_id uuid    not null,
    number integer not null,
    sent   text    not null,
    primary key (job_id, number)
);
do $$
declare name text;
begin
    for name in
        select r.rolname from pg_class c, aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
        where c.oid = 'issuance_job_uploads'::regclass and not r.rolbypassrls and r.rolname <> current_user
        group by r.rolname
    loop
        execute format('revoke select, update, delete on issuance_job_uploads from %I', name);
    end loop;
end $$;
