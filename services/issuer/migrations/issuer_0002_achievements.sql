-- Achievements: one row each, and one for each of their versions. A published version never changes.

create table achievements (
    id             uuid        primary key,
    institution_id uuid        not null references institutions,
    revision       bigint      not null,  -- rises with every change: the entity tag
    latest         integer     not null,  -- the newest version, a draft unless it is the published one
    published      integer,               -- the newest published version: what is issued
    created_at     timestamptz not null
);
create index achievements_institution on achievements (institution_id, created_at, id);
alter table achievements enable row level security;
alter table achievements force row level security;
create policy tenant on achievements using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);

create table achievement_versions (
    achievement_id uuid        not null references achievements,
    number         integer     not null,
    institution_id uuid        not null,
    content        jsonb       not null,  -- as the institution wrote it
    image          bytea,                 -- PNG
    badge_form     json,                  -- as it stands in badges, from publication on; json keeps it to the byte
    published_at   timestamptz,
    primary key (achievement_id, number)
);
alter table achievement_versions enable row level security;
alter table achievement_versions force row level security;
create policy tenant on achievement_versions
    using (institution_id = nullif(current_setting('app.tenant', true), '')::uuid);
