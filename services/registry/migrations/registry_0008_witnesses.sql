-- Witnesses: what each has last cosigned, and checkpoints that gain cosignatures after they were published.

create table log_witnesses (
    tree    smallint    not null references log_trees,
    name    text        not null,
    size    bigint      not null,  -- of the newest checkpoint that it has cosigned, as far as is known here
    seen_at timestamptz not null default laurel_clock(),
    primary key (tree, name)
);
alter table log_witnesses enable row level security;

-- A published checkpoint may gain cosignatures; what is signed, its text, stays.
drop trigger append_only_checkpoints on log_checkpoints;
create trigger append_only_checkpoints before update on log_checkpoints for each row
    when ((new.tree, new.size, new.root) is distinct from (old.tree, old.size, old.root)
          or split_part(new.note, E'\n\n', 1) <> split_part(old.note, E'\n\n', 1)
          or (old.published_at is not null and new.published_at is null))
    execute function refuse_rewriting();
