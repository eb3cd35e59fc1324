-- An institution may have had another DID before, whose lists go on being signed in its name.

alter table institutions add column former_dids text[] not null default '{}';

-- Null: the institution's present one.
alter table status_lists add column did text;

-- In place of public_signing_keys, which a release before this one asks: it does not tell whose each key is.
create function published_keys(wanted text)
    returns table (did text, former_dids text[], key_did text, key_id uuid, public_key_multibase text)
    language sql stable security definer set search_path = public as
$$
    select i.did, i.former_dids, k.did, k.id, k.public_key_multibase
    from institutions i join signing_keys k on k.institution_id = i.id
    where i.slug = wanted order by k.created_at, k.id
$$;
