-- Whether a record waits that tells where events stand in the log: which ones, is not known before it is read.
create index held_records_places on held_records (id) where aggregate like 'places/%';
create function held_places() returns boolean
    language sql stable security definer set search_path = public as
$$ select exists (select from held_records where aggregate like 'places/%') $$;
