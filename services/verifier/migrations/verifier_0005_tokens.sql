-- Badges that are tokens as well: another digest under which a badge is known.

alter table credentials add column token_digest text;  -- null: no token was asked for
