-- How large the log was at a time.
create index log_checkpoints_time on log_checkpoints (published_at desc) where published_at is not null;
