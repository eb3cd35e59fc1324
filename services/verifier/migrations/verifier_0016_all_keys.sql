-- The keys of a badge's further proofs, beside that of its first: null in states of before those were told.
alter table credentials add column other_proof_key_ids uuid[];
