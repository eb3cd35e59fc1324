-- Receipts: the keys that sign them, and the transparency log as it was last seen by who reads it like any outsider.

create table receipt_keys (
    id                   uuid        primary key,
    public_key_multibase text        not null,
    sealed               bytea       not null,  -- the private key (shared/sealing.py), bound to this row's id
    created_at           timestamptz not null,
    retired_at           timestamptz
);
create unique index receipt_keys_active on receipt_keys ((true)) where retired_at is null;

create table log_seen (
    origin  text        primary key,
    vkey    text        not null,  -- believed since it was first seen, unless one is set
    size    bigint      not null,
    root    bytea       not null,
    seen_at timestamptz not null
);

-- Both are the worker's alone: no policy lets the api's role at them.
alter table receipt_keys enable row level security;
alter table log_seen enable row level security;
