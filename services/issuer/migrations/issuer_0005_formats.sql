-- Keys of several kinds, one in use of each, and badges that are tokens as well.

alter table signing_keys add column algorithm text not null default 'EdDSA'
    check (algorithm in ('EdDSA', 'ES256', 'ES384', 'RS256'));
drop index signing_keys_active;
create unique index signing_keys_active on signing_keys (institution_id, algorithm) where retired_at is null;

-- Null: no token was asked for.
alter table credentials add column token_digest bytea;
alter table credential_contents add column token text;
