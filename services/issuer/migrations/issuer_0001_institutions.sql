-- Institutions (the tenants) and the keys with which they sign.

create table institutions (
    id         uuid        primary key,
    version    bigint      not null,
    slug       text        not null unique,
    name       text        not null,
    url        text,
    did        text        not null,
    changed_at timestamptz not null
);
alter table institutions enable row level security;
alter table institutions force row level security;
create policy tenant on institutions using (id = nullif(current_setting('app.tenant', true), '')::uuid);

create table signing_keys (
    id                   uuid        primary key,
    version              bigint      not null,
    institution_id       uuid        not null references institutions,
    did                  text        not null,
    verification_method  text        not null unique,
    public_key_multibase text        not null,
    sealed               bytea       not null,  -- the private key (shared/sealing.py), bound to this row's id
    created_at           timestamptz not null,
    retired_at           timestamptz
);
create unique index signing_keys_active on signing_keys (institution_id) where retired_at is null;
create index signing_keys_institution on signing_keys (institution_id, created_at, id);
alter table signing_keys enable row level security;
alter table signing_keys force row level security;
create policy tenant on signing_keys using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- DID documents and public keys are asked for before any tenant is known: the owner's function gives the public form.
do $$ begin
    execute format('create policy public_form on institutions for select to %I using (true)', current_user);
    execute format('create policy public_form on signing_keys for select to %I using (true)', current_user);
end $$;
create function public_signing_keys(wanted text)
    returns table (did text, key_id uuid, public_key_multibase text)
    language sql stable security definer set search_path = public as
$$
    select i.did, k.id, k.public_key_multibase
    from institutions i join signing_keys k on k.institution_id = i.id
    where i.slug = wanted order by k.created_at, k.id
$$;
