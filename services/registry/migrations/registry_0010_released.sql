-- A leaf that no checkpoint of a given-up log covers was never shown to anybody: its log's successor may have it.

create function refuse_rewriting_entries() returns trigger language plpgsql as
$$
begin
    if new.entry = old.entry and new.event_id = old.event_id and new.log_index is null
       and exists (select from log_trees where number > old.tree)
       and old.log_index >= (select coalesce(max(size), 0) from log_checkpoints where tree = old.tree) then
        return new;
    end if;
    raise exception 'the transparency log is append-only: % of % is refused', tg_op, tg_table_name;
end
$$;
drop trigger append_only on log_entries;
create trigger append_only before update on log_entries for each row
    when (old.log_index is not null or new.entry <> old.entry or new.event_id <> old.event_id)
    execute function refuse_rewriting_entries();
