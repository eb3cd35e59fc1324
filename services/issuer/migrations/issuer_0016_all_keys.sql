-- All keys that signed a credential: beside that of its first proof those of the others, and that of its token.

alter table credentials add column other_proof_key_ids uuid[];  -- null: not looked for yet, as in a release before this
alter table credentials add column token_key_id uuid;
