-- How often an address, and how fast a domain, is written to; senders share this.
create table mail_pace (
    kind    text        not null check (kind in ('address', 'domain')),
    key     bytea       not null,  -- SHA-256 of it
    free_at timestamptz not null,  -- when all that has a slot will have been sent; past: the row has served
    primary key (kind, key)
);
alter table mail_pace enable row level security;
alter table mail_pace force row level security;

-- While a sender is at it, the domain that it goes to (SHA-256).
alter table deliveries add column lane bytea;
create index deliveries_lane on deliveries (lane) where lane is not null;
-- It has had its slot, and waits for its time alone.
alter table deliveries add column slotted boolean not null default false;
