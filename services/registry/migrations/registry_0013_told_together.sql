-- The index of the first of the entries that got their places, and were told of, together; null: it was told of alone.
alter table log_entries add column told_with bigint;
