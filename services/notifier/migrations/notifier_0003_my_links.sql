-- "Send me my links": the request stores an address, the sender looks it up later, so that no answer depends on it.

-- The api's role adds requests and sees none.
create table link_requests (
    id         uuid        primary key,  -- the delivery's target
    address    text        not null,     -- trimmed, in lower case; the row goes when the delivery has ended
    created_at timestamptz not null default laurel_clock()
);
create index link_requests_age on link_requests (created_at);
alter table link_requests enable row level security;
alter table link_requests force row level security;
create policy api on link_requests for insert with check (true);

-- Which request an address was last written to for, while it is too early for another. The api's role sees none of it.
create table link_mails (
    address    bytea       primary key,  -- SHA-256 of it
    request_id uuid        not null,
    taken_at   timestamptz not null
);
alter table link_mails enable row level security;
alter table link_mails force row level security;

-- In the collation "C" only ASCII letters have a lower case: no other letter turns one mailbox into another.
create index recipients_address on recipients (lower(btrim(email) collate "C"));
