-- The DIDs that an institution had before: what was signed in their name is its own.

alter table institutions add column former_dids text[] not null default '{}';
