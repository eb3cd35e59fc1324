-- An owner's notice of an endpoint that has no contact to be told goes to the tenant's mail endpoints: to which one.
-- Null: to the target itself, or to its contact.
alter table deliveries add column via uuid;
