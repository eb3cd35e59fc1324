-- A key that somebody else may have had: it counts as retired from a time in the past on.

alter table signing_keys add column withdrawn boolean not null default false;

-- In place of published_keys, which a release before this one asks: it does not tell which keys were withdrawn.
create function keys_of(wanted text)
    returns table (did text, former_dids text[], key_did text, key_id uuid, public_key_multibase text,
                   withdrawn_since timestamptz)
    language sql stable security definer set search_path = public as
$$
    select i.did, i.former_dids, k.did, k.id, k.public_key_multibase, case when k.withdrawn then k.retired_at end
    from institutions i join signing_keys k on k.institution_id = i.id
    where i.slug = wanted order by k.created_at, k.id
$$;

-- A revocation may issue each badge once more, under the key in use now.
alter table revocations add column reissued integer not null default 0;
alter table revocations add column trouble text;  -- the code of what keeps it from going on: then it is paused
alter table revocation_items add column replaced_by uuid;
alter table revocation_items add column trouble text;  -- the code of why a badge was revoked and not issued once more
