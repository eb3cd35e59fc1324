-- The version of a badge at which its end was spoken of, so that it is told again word for word.

alter table expiry_notices add column version integer;  -- null: told before versions were
