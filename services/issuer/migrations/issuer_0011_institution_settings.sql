-- What institutions decide for themselves. One without a row goes by what store/institution_settings.py says.

create table institution_settings (
    institution_id      uuid        primary key references institutions,
    version             bigint      not null default 1,  -- rises with every change: the entity tag
    expiring_days       integer[]   not null default '{60,30,7}',  -- so many days before its end a badge is spoken of
    second_key_confirms boolean     not null default false,  -- a job is confirmed by another key than it was made with
    changed_at          timestamptz not null,
    actor_role          text        not null,
    actor_key_id        text        not null
);
alter table institution_settings enable row level security;
alter table institution_settings force row level security;
create policy tenant on institution_settings
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);
