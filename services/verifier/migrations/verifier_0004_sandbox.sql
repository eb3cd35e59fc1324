-- An employer may be made for trying out.

alter table employers add column sandbox boolean not null default false;
