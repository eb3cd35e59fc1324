-- The embedded event log: a database of its own. Safe to run at every start.

create table if not exists topics (
    topic         text     primary key,
    compacted     boolean  not null,
    retention     interval,                              -- of a topic that is kept by time
    -- What is younger is not compacted: a reader that begins anew must not meet a heartbeat that is fresh and stands
    -- before a state which has swallowed its predecessor.
    compact_after interval not null default '5 minutes'
);

create table if not exists partitions (
    topic     text     not null references topics,
    partition smallint not null,
    first     bigint   not null default 0,  -- records before it have expired
    next      bigint   not null default 0,  -- the offset of the next record; given under this row's lock
    compacted bigint   not null default 0,  -- records before it are the newest of their keys among themselves
    primary key (topic, partition)
) with (fillfactor = 20);

create table if not exists records (
    topic         text        not null,
    partition     smallint    not null,
    "offset"      bigint      not null,
    key           bytea,
    header_names  text[]      not null,
    header_bytes  bytea[]     not null,
    value         bytea,
    stored_at     timestamptz not null default clock_timestamp(),
    compacted     boolean     not null,
    primary key (topic, partition, "offset")
);
create index if not exists records_key on records (topic, partition, key, "offset") where compacted;

-- Where groups are, for people who look; consumers keep the truth in their own databases.
create table if not exists group_offsets (
    "group"   text        not null,
    topic     text        not null,
    partition smallint    not null,
    next      bigint      not null,
    noted_at  timestamptz not null default clock_timestamp(),
    primary key ("group", topic, partition)
);
