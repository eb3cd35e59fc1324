-- Badges that are tokens as well.

alter table documents add column token text;  -- null: none was asked for

-- The token, for whoever may have the signed document (badge_view).
create function badge_token(wanted uuid, token_hash bytea) returns text
    language sql stable security definer set search_path = public as
$$
    select token from documents d
    where d.credential_id = wanted
      and (d.owner_token_hash = token_hash or exists (select from shown_badges s where s.credential_id = wanted))
$$;
