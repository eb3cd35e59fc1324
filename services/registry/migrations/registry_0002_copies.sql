-- What issuers publish: signed lists (kept here alone, by the minute) and copies of others' state (newest version wins).
-- All of it is public; the policies let the api read and change nothing.

create table status_list_versions (
    list_id        uuid        not null,
    minute         timestamptz not null,
    version        bigint      not null,
    institution_id uuid        not null,
    purpose        text        not null,
    credential     json        not null,  -- its bytes stand behind a strong ETag
    signed_at      timestamptz not null,
    ttl_ms         bigint      not null,
    primary key (list_id, minute)
);
create index status_list_versions_newest on status_list_versions (list_id, version desc);
create index status_list_versions_age on status_list_versions (signed_at);

create table institutions (
    id       uuid   primary key,
    version  bigint not null,
    slug     text   not null,
    name     text   not null,
    url      text,
    did      text   not null,
    standing text   not null
);

create table achievements (
    achievement_id uuid    not null,
    number         integer not null,
    version        bigint  not null,
    institution_id uuid    not null,
    achievement    jsonb   not null,
    image          bytea,
    primary key (achievement_id, number)
);

alter table status_list_versions enable row level security;
alter table institutions enable row level security;
alter table achievements enable row level security;
create policy public on status_list_versions for select using (true);
create policy public on institutions for select using (true);
create policy public on achievements for select using (true);
