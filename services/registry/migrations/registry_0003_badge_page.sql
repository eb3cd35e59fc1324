-- What a badge's page needs beyond the record: the learner's choice to show it whole, and the trace of each change.

alter table history add column traceparent text;  -- null: recorded before there was this column

-- The learner's own word, said by the owner's link: name and signed document may be seen by everybody. No row: hidden.
-- It goes with the document that it speaks of.
create table shown_badges (
    credential_id uuid        primary key references documents on delete cascade,
    shown_at      timestamptz not null default laurel_clock()
);

-- How badges that have changed stand by the issuer's state records, which tell up to when they are complete; the record
-- may be behind them. A badge without a row is as it was issued.
create table credential_states (
    id      uuid    primary key,
    version bigint  not null,
    status  text    not null
);
alter table credential_states enable row level security;
alter table credential_states force row level security;

-- No policy for the api's role: it reads and writes here by the functions below alone.
alter table shown_badges enable row level security;
alter table shown_badges force row level security;
do $$ begin
    execute format('create policy lookup on shown_badges to %I using (true)', current_user);
    execute format('create policy lookup on credential_states for select to %I using (true)', current_user);
    execute format('create policy lookup on openings for select to %I using (true)', current_user);
end $$;

-- What a page, or whoever asks for the document, may know beside the public record. Without the owner's token and
-- without the learner's word that is when the badge holds, and nothing of a person.
create function badge_view(wanted uuid, token_hash bytea) returns table (
    valid_from text, valid_until text, owned boolean, shown boolean, document json, reasons jsonb)
    language sql stable security definer set search_path = public as
$$
    select d.document ->> 'validFrom', d.document ->> 'validUntil', a.owned, a.shown,
           case when a.owned or a.shown then d.document end,
           case when a.owned then
               (select jsonb_object_agg(h.version, jsonb_build_object('code', h.reason_code, 'note', o.note))
                from history h left join openings o using (credential_id, version)
                where h.credential_id = wanted and h.reason_code is not null)
           end
    from documents d
    cross join lateral (
        select d.owner_token_hash = token_hash as owned,
               exists (select from shown_badges s where s.credential_id = d.credential_id) as shown) a
    where d.credential_id = wanted
$$;

-- Shows a badge whole or hides it again, for whoever holds the owner's link; tells whether that was so.
create function show_badge(wanted uuid, token_hash bytea, whole boolean) returns boolean
    language sql volatile security definer set search_path = public as
$$
    with mine as (select credential_id from documents where credential_id = wanted and owner_token_hash = token_hash),
         put as (insert into shown_badges (credential_id) select credential_id from mine where whole on conflict do nothing),
         gone as (delete from shown_badges s using mine where s.credential_id = mine.credential_id and not whole)
    select exists (select from mine)
$$;

create function stated_credential(wanted uuid) returns table (version bigint, status text)
    language sql stable security definer set search_path = public as
$$ select version, status from credential_states where id = wanted $$;
