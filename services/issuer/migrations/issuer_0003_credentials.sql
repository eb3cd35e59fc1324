-- Credentials, their history and their places in status lists.

create table status_lists (
    id             uuid        primary key,
    institution_id uuid        not null references institutions,
    purpose        text        not null check (purpose in ('revocation', 'suspension')),
    size           integer     not null check (size >= 131072),
    secret         bytea       not null,            -- keys the permutation from numbers to indexes
    next           integer     not null default 0,  -- the next number to give out
    open           boolean     not null default true,
    changes        bigint      not null default 1,  -- rises with every change of a bit; a new list waits for its first signature
    signed_changes bigint      not null default 0,  -- the changes that the signed list holds
    epoch          integer     not null default 1,  -- rises when the database was restored
    n              bigint      not null default 0,  -- signatures in this epoch
    credential     json,
    signed_at      timestamptz,
    valid_until    timestamptz,
    renew_at       timestamptz,
    check (next <= size)
);
create unique index status_lists_open on status_lists (institution_id, purpose) where open;
create index status_lists_dirty on status_lists (id) where changes > signed_changes;
create index status_lists_renewal on status_lists (renew_at);
alter table status_lists enable row level security;
alter table status_lists force row level security;
create policy tenant on status_lists using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

create table credentials (
    id                 uuid        primary key,
    institution_id     uuid        not null,
    achievement_id     uuid        not null,
    achievement_number integer     not null,
    signing_key_id     uuid        not null,
    version            integer     not null,
    status             text        not null check (status in ('issued', 'suspended', 'revoked')),
    document_digest    bytea       not null,
    issued_at          timestamptz not null,
    valid_until        timestamptz
);
create index credentials_institution on credentials (institution_id, issued_at desc, id desc);
create index credentials_achievement on credentials (achievement_id, issued_at desc, id desc);
alter table credentials enable row level security;
alter table credentials force row level security;
create policy tenant on credentials using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- What an erasure takes away stands apart from what stays.
create table credential_contents (
    credential_id  uuid primary key references credentials,
    institution_id uuid not null,
    document       json not null,  -- json, not jsonb: what is sent again is the same to the byte
    email          text,
    owner_token    text not null
);
alter table credential_contents enable row level security;
alter table credential_contents force row level security;
create policy tenant on credential_contents
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

create table credential_history (
    credential_id  uuid        not null references credentials,
    version        integer     not null,
    institution_id uuid        not null,
    type           text        not null check (type in ('issued', 'suspended', 'reinstated', 'revoked')),
    status         text        not null,
    time           timestamptz not null,
    event_id       uuid        not null unique,
    salt           bytea,       -- null once erased
    actor_role     text        not null,
    actor_key_id   text        not null,
    reason_code    text,
    reason_note    text,        -- null once erased
    traceparent    text,
    primary key (credential_id, version)
);
alter table credential_history enable row level security;
alter table credential_history force row level security;
create policy tenant on credential_history
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

create table status_positions (
    list_id        uuid    not null references status_lists,
    index          integer not null,
    credential_id  uuid    not null references credentials,
    institution_id uuid    not null,
    purpose        text    not null,
    raised         boolean not null default false,  -- the bit
    primary key (list_id, index)
);
create index status_positions_credential on status_positions (credential_id);
create index status_positions_raised on status_positions (list_id, index) where raised;
alter table status_positions enable row level security;
alter table status_positions force row level security;
create policy tenant on status_positions using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);
