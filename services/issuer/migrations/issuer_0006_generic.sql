-- Credentials that are no badges: written by the institution itself, without an achievement (VC-API).

alter table credentials add column kind text not null default 'badge' check (kind in ('badge', 'generic'));
alter table credentials alter column achievement_id drop not null;
alter table credentials alter column achievement_number drop not null;
alter table credentials add constraint credentials_achievement_of_badge
    check (kind = 'generic' or (achievement_id is not null and achievement_number is not null)) not valid;

-- The institution's own name for a credential: the document's id, or what it calls one without. It is given once. It may
-- be about a person, so an erasure takes it with the document.
alter table credential_contents add column client_id text;
create unique index credential_contents_client_id on credential_contents (institution_id, client_id)
    where client_id is not null;

-- A list as a token, and of which signature: a release that knows no tokens signs and leaves an old one standing.
alter table status_lists add column token text;
alter table status_lists add column token_signed_at timestamptz;
