-- Who made a badge's last change, for its page: an operator's revocation is not told as the institution's. And whether an
-- institution is here for trying out: its badges are demonstrations. Old rows are told at the institution's next state.

alter table institutions add column sandbox boolean not null default false;

create function last_actor(wanted uuid) returns text
    language sql stable security definer set search_path = public as
$$ select actor_role from history where credential_id = wanted order by version desc limit 1 $$;
