-- An institution may be made for trying out, and may be withdrawn: then it issues no more.

alter table institutions add column sandbox boolean not null default false;
alter table institutions add column standing text not null default 'registered'
    check (standing in ('registered', 'withdrawn'));
