-- Copies of the issuer's state (newest version wins). The policies let the api read them and change nothing.

create table institutions (
    id       uuid   primary key,
    version  bigint not null,
    slug     text   not null,
    name     text   not null,
    url      text,
    did      text   not null,
    standing text   not null
);
create index institutions_did on institutions (did);

create table signing_keys (
    id                   uuid        primary key,
    version              bigint      not null,
    institution_id       uuid        not null,
    did                  text        not null,
    verification_method  text        not null,
    public_key_multibase text        not null,
    created_at           timestamptz not null,
    retired_at           timestamptz
);
create index signing_keys_did on signing_keys (did);

create table credentials (
    id              uuid   primary key,
    version         bigint not null,
    institution_id  uuid   not null,
    status          text   not null,
    positions       jsonb  not null,
    document_digest text   not null,
    history         jsonb  not null
);

alter table institutions enable row level security;
alter table signing_keys enable row level security;
alter table credentials enable row level security;
create policy public on institutions for select using (true);
create policy public on signing_keys for select using (true);
create policy public on credentials for select using (true);
