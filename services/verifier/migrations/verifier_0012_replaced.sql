-- What a state tells since badges replace each other and run out: null in states of before those were told.
alter table credentials add column if not exists valid_from timestamptz;
alter table credentials add column if not exists valid_until timestamptz;
alter table credentials add column if not exists signing_key_id uuid;
alter table credentials add column if not exists replaced_by uuid;
