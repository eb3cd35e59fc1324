-- Beside those of issuer_0016 by themselves: while these are built, credentials are read.

-- A badge has two kinds of keys for its proofs at most. Under row-level security an operator of arrays reads no index.
create index credentials_other_proof_key on credentials ((other_proof_key_ids[1]), issued_at desc, id desc)
    where other_proof_key_ids[1] is not null;
create index credentials_token_key on credentials (token_key_id, issued_at desc, id desc) where token_key_id is not null;
create index credentials_keys_unknown on credentials (institution_id, id) where other_proof_key_ids is null;
