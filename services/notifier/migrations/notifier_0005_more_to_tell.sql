-- More is told: suspensions, replacements, renewals, what runs out, and to employers what their watches see.

alter table notices drop constraint notices_type_check;
alter table notices add constraint notices_type_check check (type in (
    'credential.issued', 'credential.suspended', 'credential.reinstated', 'credential.revoked', 'credential.replaced',
    'credential.renewed', 'credential.expiring', 'watch.changed'
));
-- Null: the registry records nothing of it.
alter table notices alter column version drop not null;
-- What else there is to say of its type. Of watch.changed `institution_id` is the employer who is told.
alter table notices add column facts jsonb not null default '{}';

-- SHA-256 of what was sent; null: nothing was, or before this column.
alter table attempts add column body_sha256 bytea;

-- An endpoint may be a mail address (url: mailto:...): null until whoever reads there has confirmed it.
alter table endpoints add column confirmed_at timestamptz default laurel_clock();
