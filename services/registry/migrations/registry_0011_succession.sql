-- Which badge has another's place, and which continues another. Both are told by the newer one too: `renews` by it alone.

alter table credentials add column replaces uuid;
alter table credentials add column renews uuid;
alter table credentials add column replaced_by uuid;
create index credentials_renews on credentials (renews) where renews is not null;

-- What may be known to everybody: ids, and when the credential ends. Whose it is stands on no such page.
create function credential_links(wanted uuid) returns table (
    replaces uuid, renews uuid, replaced_by uuid, renewed_by uuid, ends text)
    language sql stable security definer set search_path = public as
$$
    select c.replaces, c.renews, c.replaced_by,
           (select n.id from credentials n where n.renews = wanted and n.institution_id = c.institution_id limit 1),
           coalesce(d.document ->> 'validUntil', d.document ->> 'expirationDate')
    from credentials c left join documents d on d.credential_id = c.id where c.id = wanted
$$;
