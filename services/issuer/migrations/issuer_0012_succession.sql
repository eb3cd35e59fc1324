-- Badges replace and renew each other, are spoken of before they run out, and get their status lists ahead of need.

alter table credentials add column valid_from timestamptz;       -- null also where it was not kept yet
alter table credentials add column renewable_until timestamptz;  -- null: until it ends
alter table credentials add column replaces uuid;
alter table credentials add column renews uuid;
alter table credentials add column replaced_by uuid;
alter table credentials add column renewed_by uuid;
create unique index credentials_replaces on credentials (replaces) where replaces is not null;
create unique index credentials_renews on credentials (renews) where renews is not null;

-- What is told of badges that run out, so that it can be told again, and never twice.
create table expiry_notices (
    event_id       uuid        primary key,
    credential_id  uuid        not null,
    days           integer     not null,
    institution_id uuid        not null,
    renewal_url    text,
    time           timestamptz not null,
    unique (credential_id, days)
);
alter table expiry_notices enable row level security;
alter table expiry_notices force row level security;
create policy tenant on expiry_notices using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);
create index credentials_running_out on credentials (valid_until, id)
    where status = 'issued' and valid_until is not null and renewed_by is null;

-- How far it was looked, for each number of days before the end, which badges have come so close to theirs: in the order
-- of ends and ids. What is issued with less time left lies behind that place, and is passed over.
create table expiry_places (
    days        integer     primary key,
    valid_until timestamptz not null,
    id          uuid        not null
);
alter table expiry_places enable row level security;  -- without a policy: it is the worker's alone
alter table expiry_places force row level security;

-- The list that is opened when the open one is full: signed before the first badge points into it.
alter table status_lists add column waiting boolean not null default false;
create unique index status_lists_waiting on status_lists (institution_id, purpose) where waiting;
