-- The tables of shared/messaging, the same in every service's database.

-- The one clock that decides anything. Only tests set app.clock_offset.
create function laurel_clock() returns timestamptz language sql volatile as
$$ select clock_timestamp() + coalesce(nullif(current_setting('app.clock_offset', true), '')::interval, interval '0') $$;

create table outbox (
    id         bigint generated always as identity primary key,
    event_id   uuid        not null,
    topic      text        not null,
    shard      smallint    not null check (shard between 0 and 15),
    key        text        not null,
    headers    jsonb       not null,
    value      bytea       not null,
    created_at timestamptz not null default clock_timestamp(),
    sent_at    timestamptz,
    refused    text  -- why the log will never take it; later rows of its key wait behind it
);
create index outbox_unsent on outbox (shard, id) where sent_at is null;
create index outbox_sent on outbox (sent_at) where sent_at is not null;

-- Where each consumer goes on. It is written in the transaction of the effect, so it can't be ahead or behind.
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
    claimed_at timestamptz not null default clock_timestamp(),
    primary key (consumer, source, event_id)
);
create index inbox_claims_age on inbox_claims (claimed_at);

-- Records that wait: parked ones are tried again by themselves, buried ones (dead letters) at an operator's word.
create table held_records (
    id           bigint generated always as identity primary key,
    consumer     text        not null,
    state        text        not null check (state in ('parked', 'buried')),
    topic        text        not null,
    partition    smallint    not null,
    "offset"     bigint      not null,
    aggregate    text,
    type         text,
    event_id     uuid,
    key          bytea,
    headers      jsonb       not null,
    value        bytea,
    stored_at    timestamptz not null,
    reason       text        not null,
    attempts     integer     not null default 0,
    held_at      timestamptz not null default clock_timestamp(),
    try_after    timestamptz not null default clock_timestamp(),
    unique (consumer, topic, partition, "offset")
);
create index held_records_aggregate on held_records (aggregate);
create index held_records_due on held_records (consumer, try_after) where state = 'parked';

-- Up to when each source's records of a shard are here.
create table heartbeats (
    source text        not null,
    shard  smallint    not null,
    time   timestamptz not null,
    primary key (source, shard)
);
