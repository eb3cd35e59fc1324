-- Who is not written to, in which language and words the others are, and how often.

-- An address that bounced, or whose reader wants no more of this tenant than is necessary.
create table suppressions (
    id         uuid        primary key default gen_random_uuid(),
    tenant_id  uuid        not null,
    address    bytea       not null,  -- SHA-256 of it, trimmed and in lower case
    reason     text        not null check (reason in ('bounced', 'unsubscribed')),
    status     integer,               -- the server's reply code
    created_at timestamptz not null default laurel_clock(),
    unique (tenant_id, address, reason)
);
alter table suppressions enable row level security;
alter table suppressions force row level security;
create policy tenant on suppressions using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- Why a tenant's mails to an address are suppressed, a bounce before all else; null: they are not.
create function notifier_suppressed(tenant uuid, email text) returns text language sql stable as
$$
    select min(reason) from suppressions
    where tenant_id = tenant and address = sha256(convert_to(lower(btrim(email) collate "C"), 'UTF8'))
$$;

-- The language that a tenant's mails are in; no row: English.
create table mail_settings (
    tenant_id uuid primary key,
    language  text not null
);
alter table mail_settings enable row level security;
alter table mail_settings force row level security;
create policy tenant on mail_settings using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- A tenant's own words for a type of mail.
create table templates (
    tenant_id  uuid        not null,
    type       text        not null,
    language   text        not null,
    subject    text        not null,
    text       text        not null,
    html       text,
    updated_at timestamptz not null default laurel_clock(),
    updated_by text        not null,  -- an API key's id
    primary key (tenant_id, type, language)
);
alter table templates enable row level security;
alter table templates force row level security;
create policy tenant on templates using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- A preview of a tenant's template with one of its badges: what was signed, and neither address nor private link.
do $$
begin
    execute format('create policy lookup on recipients for select to %I using (true)', current_user);
end
$$;
create function notifier_badge_to_show(wanted uuid) returns jsonb
    language sql stable security definer set search_path = public as
$$
    select credential from recipients
    where credential_id = wanted and institution_id = nullif(current_setting('app.tenant', true), '')::uuid
$$;
