-- Credentials that are no badges: the institution wrote them itself, and they have no achievement (VC-API).

alter table credentials alter column achievement_id drop not null;
alter table credentials alter column achievement_version drop not null;

-- What kind of credential it says that it is, for anybody; its name may be about a person, and stays with the document.
create function credential_types(wanted uuid) returns jsonb
    language sql stable security definer set search_path = public as
$$
    select (d.document -> 'type')::jsonb from documents d join credentials c on c.id = d.credential_id
    where d.credential_id = wanted and c.achievement_id is null
$$;

-- As before, and the dates by the names that they have in the data model 1.1.
create or replace function badge_view(wanted uuid, token_hash bytea) returns table (
    valid_from text, valid_until text, owned boolean, shown boolean, document json, reasons jsonb)
    language sql stable security definer set search_path = public as
$$
    select coalesce(d.document ->> 'validFrom', d.document ->> 'issuanceDate'),
           coalesce(d.document ->> 'validUntil', d.document ->> 'expirationDate'),
           a.owned, a.shown,
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

-- A list as a token, and of which signature: a release that knows no tokens stores and leaves an old one standing.
alter table status_list_versions add column token text;
alter table status_list_versions add column token_signed_at timestamptz;
