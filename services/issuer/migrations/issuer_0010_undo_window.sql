-- For so long what is confirmed is held, from then on: `release_at` follows from it.

alter table issuance_jobs add column undo interval;
