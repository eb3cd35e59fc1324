-- Answers as of a time in the past.

alter table verifications add column as_of timestamptz;  -- null: as of when it was answered
-- How an institution stood before: [{version, standing, time}], as far as it was told.
alter table institutions add column standings jsonb not null default '[]';
