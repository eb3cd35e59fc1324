-- How long it takes from an accepted revocation until it is seen here, and whose revocations are no figures.

alter table institutions add column sandbox boolean not null default false;

-- Revocations as they were first seen here, for a day. Neither truth nor a copy: a rebuild leaves them as they are.
create table seen_revocations (
    credential_id  uuid        primary key,
    institution_id uuid        not null,
    accepted_at    timestamptz not null,  -- by the issuer's clock
    seen_at        timestamptz not null default laurel_clock()
);
create index seen_revocations_age on seen_revocations (seen_at);
alter table seen_revocations enable row level security;
create policy public on seen_revocations for select using (true);
