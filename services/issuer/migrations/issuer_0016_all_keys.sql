-- All keys that signed a credential: beside that of its first proof those of the others, and that of its token.

alter table credentials add column other_proof_key_ids uuid[];  -- null: not looked for yet, as in a release before this
alter table credentials add column token_key_id uuid;
create index credentials_other_proof_keys on credentials using gin (other_proof_key_ids)
    where other_proof_key_ids <> '{}';
create index credentials_token_key on credentials (token_key_id) where token_key_id is not null;
create index credentials_keys_unknown on credentials (institution_id, id) where other_proof_key_ids is null;
