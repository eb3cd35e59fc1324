-- The tables of shared/messaging, the same in every service's database.

-- The one clock that decides anything. Only tests set app.clock_offset.
create function laurel_clock() returns timestamptz language sql volatile as
$$ select clock_timestamp() + coalesce(nullif(current_setting('app.clock_offset', true), '')::interval, interval '0') $$;

-- `shard` is the partition of `key`, which names the aggregate.
create table outbox (
    id         bigint generated always as identity primary key,
    event_id   uuid        not null,
    topic      text        not null,
    shard      smallint    not null check (shard between 0 and 15),
    key        text        not null,
    headers    jsonb       not null,
    value      bytea       not null,
    created_at timestamptz not null default laurel_clock(),
    sent_at    timestamptz,
    refused    text  -- why the log will never take it; later rows of its key wait behind it
);
create index outbox_unsent on outbox (id) where sent_at is null;
create index outbox_sent on outbox (sent_at) where sent_at is not null;
create index outbox_refused on outbox (key) where refused is not null;

-- Where each consumer goes on (-1: at the earliest record). It is written in the transaction of the effect, so it
-- can't be ahead or behind.
create table consumer_offsets (
    consumer  text     not null,
    topic     text     not null,
    partition smallint not null,
    next      bigint   not null,
    primary key (consumer, topic, partition)
);

create table inbox_claims (
    consumer   text        not null,
    source     text        not null,
    event_id   uuid        not null,
    claimed_at timestamptz not null default laurel_clock(),
    primary key (consumer, source, event_id)
);
create index inbox_claims_age on inbox_claims (claimed_at);

-- Records that wait: parked ones are tried again by themselves, buried ones (dead letters) at an operator's word.
create table held_records (
    id           bigint generated always as identity primary key,
    consumer     text        not null,
    state        text        not null check (state in ('parked', 'buried')),
    cause        text        not null check (cause in ('failed', 'gap', 'unknown_type', 'behind', 'ill_formed')),
    topic        text        not null,
    partition    smallint    not null,
    "offset"     bigint      not null,
    aggregate    text,
    type         text,
    key          bytea,
    header_names text[]      not null,
    header_bytes bytea[]     not null,
    value        bytea,
    stored_at    timestamptz not null,
    reason       text        not null,
    attempts     integer     not null default 0,
    held_at      timestamptz not null default laurel_clock(),
    try_after    timestamptz not null default laurel_clock(),
    unique (consumer, topic, partition, "offset")
);
create index held_records_aggregate on held_records (aggregate);
create index held_records_parked on held_records (consumer, topic, aggregate) where state = 'parked';

-- Up to when each source's records of a shard are here.
create table heartbeats (
    source text        not null,
    shard  smallint    not null,
    time   timestamptz not null,
    primary key (source, shard)
);

-- The api's role adds to the outbox and reads how fresh its copies are, and nothing else of these tables: they hold every
-- tenant's records. The worker's role bypasses the policies.
do $$
declare name text;
begin
    foreach name in array array['outbox', 'consumer_offsets', 'inbox_claims', 'held_records', 'heartbeats'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
    end loop;
    execute format('create policy look_up on held_records for select to %I using (true)', current_user);
end $$;
create policy api on outbox for insert with check (true);
create policy api on heartbeats for select using (true);

-- Which of some keys have a record that waits, parked or buried: how they stand is not known.
create function held_keys(keys text[]) returns setof text
    language sql stable security definer set search_path = public as
$$ select distinct aggregate from held_records where aggregate = any(keys) $$;
