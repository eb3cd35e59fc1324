"""The issuer decides: that a credential exists, and that it no longer holds. It alone signs, badges and status lists.

Consumes   nothing: whatever it decides, it decides from its own tables
Emits      issuer.events.v1   laurel.credential.issued.v1, laurel.generic-credential.issued.v1,
                              laurel.credential.status-changed.v1, laurel.credential.expiring.v1;
                              laurel.institution.standing-changed.v1, laurel.signing-key.changed.v1,
                              laurel.achievement.published.v1
           issuer.state.v1    institutions, signing keys, institutions' API keys, published achievements, status lists,
                              credentials' status; heartbeats

Its own truth:   institutions, institution_settings, signing_keys (sealed), api_keys; achievements,
                 achievement_versions; status_lists;
                 recorded_changes (what the transparency log is told of those; what happened before, the worker adds);
                 credentials, credential_history, status_positions; credential_contents (what an erasure takes: the
                 document, the badge as a token, the address, the owner link's token); expiry_notices (what was told of
                 badges that run out), expiry_places (how far it was looked for them); revocations, revocation_items (of
                 many badges at once). Of files: issuance_jobs, issuance_job_chunks (leased by workers),
                 issuance_turns; issuance_job_uploads and issuance_job_rows (personal, gone 30 days after a job's end);
                 issued_rows (which badge a row has, by digests). `laurel refeed issuer` tells all of it again that
                 was told. A credential is a badge, or `generic`: written by the institution itself (VC-API).
Projections:     none.

Files that belong together:
                 jobs.py             the worker of files of learners; */jobs, */job_*; domain/sheets (cells) and
                                     domain/columns (which is what)
                 revoking.py         the worker of revocations of many; */revocations, */selection, handlers/reissuing
                 lists.py            the worker that signs status lists; handlers/places (bits), store/lists
                 handlers/issuing    one badge or many: prepared there, signed, stored by handlers/storing
                 handlers/changing   suspend, reinstate, revoke (domain/status); handlers/succeeding replaces and renews
                                     (domain/succession)
                 handlers/recording  what the transparency log is told of institutions, keys, achievements; */changes
                 handlers/past_signatures  finds further signing keys of badges of before those were kept; */signatures
                 store/selection     which badges are meant: by ids, achievement, job, time of acceptance, signing key

Private keys are sealed under a key-encryption key from LAUREL_KEK_FILE. The worker signs each changed status list once
in 100 ms, and every list anew at half of its validity; it tells of badges that run out; it does confirmed revocations
of many badges, and lints and issues the rows of issuance jobs, chunk by chunk.
"""
