-- On which version of its badge an answer rests, so that a receipt shows that one; null in answers of before, and of
-- badges that are not this registry's.
alter table verifications add column credential_version integer;
