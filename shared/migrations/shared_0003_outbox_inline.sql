-- The outbox is a queue: what is in it for a moment alone need not be compressed, nor put into a table of its own unless
-- it is large, and what was sent goes soon.

alter table outbox alter column value set storage external;
alter table outbox set (
    toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);
