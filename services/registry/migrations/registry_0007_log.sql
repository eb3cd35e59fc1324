-- The transparency log: one append-only Merkle tree (RFC 6962) at a time. All of it is public but for the key.

-- One row each log; where one had to be given up, the next one follows it. Its row's lock fences whoever appends.
create table log_trees (
    number              smallint    primary key,
    origin              text        not null unique,
    vkey                text        not null,  -- C2SP signed-note
    size                bigint      not null default 0,
    root                bytea       not null,
    second_place_offset bigint      not null default 0,  -- where the second place's newest record stood when last read
    backfilled_to       timestamptz,                     -- what was recorded by then is in log_entries; null: nothing yet
    created_at          timestamptz not null default laurel_clock()
);

-- The logs' private keys, sealed (shared/sealing.py) for their rows' origins. The api's role sees none.
create table log_keys (
    tree   smallint primary key references log_trees,
    sealed bytea    not null
);

-- What is to be logged, and what is: an entry waits until it has an index.
create table log_entries (
    id         bigint      generated always as identity primary key,
    event_id   uuid        not null unique,
    entry      bytea       not null check (length(entry) <= 65535),  -- C2SP tlog-tiles: a bundle's entries
    backfilled boolean     not null default false,  -- it happened before there was a log
    added_at   timestamptz not null default laurel_clock(),
    tree       smallint    references log_trees,
    log_index  bigint,
    check ((tree is null) = (log_index is null)),
    unique (tree, log_index)
);
-- What happened before there was a log goes first.
create index log_entries_pending on log_entries (backfilled desc, id) where log_index is null;

-- Hash tiles as they stand: 1 to 256 hashes; a narrower one of before is a beginning of it.
create table log_tiles (
    tree   smallint not null references log_trees,
    level  smallint not null,
    index  bigint   not null,
    hashes bytea    not null check (length(hashes) between 32 and 8192 and length(hashes) % 32 = 0),
    primary key (tree, level, index)
) with (fillfactor = 50);

create table log_checkpoints (
    tree         smallint    not null references log_trees,
    size         bigint      not null,
    root         bytea       not null,
    note         text        not null,  -- with the witnesses' cosignatures once it is published
    signed_at    timestamptz not null default laurel_clock(),
    published_at timestamptz,
    primary key (tree, size)
);
create index log_checkpoints_published on log_checkpoints (tree, size desc) where published_at is not null;

-- What opens the commitments of all but credentials (those stand in history and openings): facts without personal
-- data, and the salt, which an erasure takes.
create table changes (
    event_id       uuid        primary key,
    institution_id uuid        not null,
    time           timestamptz not null,
    facts          jsonb       not null,
    salt           text
);
create index changes_institution on changes (institution_id, time);
create index history_institution on history (institution_id, recorded_at);
create index history_recorded on history (recorded_at, credential_id, version);

alter table log_trees enable row level security;
alter table log_keys enable row level security;
alter table log_entries enable row level security;
alter table log_tiles enable row level security;
alter table log_checkpoints enable row level security;
alter table changes enable row level security;
alter table changes force row level security;
create policy public on log_trees for select using (true);
create policy public on log_entries for select using (true);
create policy public on log_tiles for select using (true);
create policy public on log_checkpoints for select using (true);
create policy tenant on changes for select
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- Nobody who keeps to the rules rewrites the log, the worker's role included. Who switches these off is found by
-- those who compare (docs/record.md).
create function refuse_rewriting() returns trigger language plpgsql as
$$ begin raise exception 'the transparency log is append-only: % of % is refused', tg_op, tg_table_name; end $$;

create trigger append_only before update on log_entries for each row
    when (old.log_index is not null or new.entry <> old.entry or new.event_id <> old.event_id)
    execute function refuse_rewriting();
create trigger append_only_tiles before update on log_tiles for each row
    when (substr(new.hashes, 1, length(old.hashes)) <> old.hashes
          or (new.tree, new.level, new.index) is distinct from (old.tree, old.level, old.index))
    execute function refuse_rewriting();
create trigger append_only_trees before update on log_trees for each row
    when (new.size < old.size or (new.size = old.size and new.root <> old.root)
          or (new.number, new.origin, new.vkey) is distinct from (old.number, old.origin, old.vkey))
    execute function refuse_rewriting();
create trigger append_only_checkpoints before update on log_checkpoints for each row
    when (old.published_at is not null or (new.tree, new.size, new.root) is distinct from (old.tree, old.size, old.root))
    execute function refuse_rewriting();
create trigger kept before delete on log_entries for each statement execute function refuse_rewriting();
create trigger kept before delete on log_tiles for each statement execute function refuse_rewriting();
create trigger kept before delete on log_trees for each statement execute function refuse_rewriting();
create trigger kept before delete on log_checkpoints for each statement execute function refuse_rewriting();
create trigger kept_whole before truncate on log_entries for each statement execute function refuse_rewriting();
create trigger kept_whole before truncate on log_tiles for each statement execute function refuse_rewriting();
create trigger kept_whole before truncate on log_trees for each statement execute function refuse_rewriting();
create trigger kept_whole before truncate on log_checkpoints for each statement execute function refuse_rewriting();

-- The record tells where each version stands in the log. (history.log_index was never filled.)
do $$ begin
    execute format('create policy lookup on changes for select to %I using (true)', current_user);
end $$;
create or replace function public_credential(wanted uuid) returns table (
    id uuid, institution_id uuid, achievement_id uuid, achievement_version integer, version integer, status text,
    issued_at timestamptz, history jsonb)
    language sql stable security definer set search_path = public as
$$
    select c.id, c.institution_id, c.achievement_id, c.achievement_version, c.version, c.status, c.issued_at,
           (select jsonb_agg(jsonb_build_object('version', h.version, 'type', h.type, 'time', h.time,
                                                'event_id', h.event_id, 'log_index', e.log_index) order by h.version)
            from history h left join log_entries e using (event_id) where h.credential_id = c.id)
    from credentials c where c.id = wanted
$$;

-- What opens the commitment to one version of a credential, for whoever holds the owner's link.
create function owned_opening(wanted uuid, token_hash bytea) returns table (
    event_id uuid, type text, credential_id uuid, version integer, "time" timestamptz, actor_role text, actor_key text,
    reason_code text, document_digest text, salt text)
    language sql stable security definer set search_path = public as
$$
    select h.event_id, h.type, h.credential_id, h.version, h.time, h.actor_role, h.actor_key, h.reason_code,
           c.document_digest, o.salt
    from history h
    join credentials c on c.id = h.credential_id
    join openings o on o.credential_id = h.credential_id and o.version = h.version
    join documents d on d.credential_id = h.credential_id and d.owner_token_hash = token_hash
    where h.event_id = wanted
$$;
