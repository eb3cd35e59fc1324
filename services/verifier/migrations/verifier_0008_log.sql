-- What opens the transparency log's leaves, where they stand in it, and the newest checkpoints that were heard of.

-- Of each of the issuer's events that has a salt: nothing else of them is kept. Erased where the salt is.
create table event_salts (
    event_id uuid  primary key,
    salt     bytea not null check (octet_length(salt) = 32)
);

create table log_positions (
    event_id  uuid   primary key,
    version   bigint not null,
    origin    text   not null,
    log_index bigint not null
);

create table log_checkpoints (
    origin  text   primary key,
    version bigint not null,  -- the tree's size
    root    text   not null   -- hexadecimal
);

alter table event_salts enable row level security;
alter table log_positions enable row level security;
alter table log_checkpoints enable row level security;
create policy public on event_salts for select using (true);
create policy public on log_positions for select using (true);
create policy public on log_checkpoints for select using (true);

-- What opens a verification's own leaf: it is told nobody but in a receipt. Null: it is not logged, or the salt is erased.
alter table verifications add column salt bytea check (octet_length(salt) = 32);
