-- A credential whose id is not ours is known by what was signed.

create index credentials_document_digest on credentials (document_digest);
create index credentials_token_digest on credentials (token_digest) where token_digest is not null;
