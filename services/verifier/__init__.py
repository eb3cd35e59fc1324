"""The verifier answers: whether a badge is as it was signed, who signed it, and whether it still holds.

Consumes   issuer.state.v1,     copies of institutions, signing keys, credentials' status and API keys
           registry.state.v1    where events stand in the transparency log, and its newest checkpoint
           verifier.state.v1    its own employers and API keys, for when its database was lost
                                                                                    (laurel.verifier.state)
           issuer.events.v1     each event's id and salt, and nothing else of it    (laurel.verifier.salts)
Emits      verifier.events.v1   laurel.verification.completed.v1, whose id is the verification's;
                                laurel.watch.triggered.v1, once per change of a watched badge's answer
           verifier.state.v1    laurel.employer.state.v1, laurel.employer-api-key.state.v1, heartbeats

Its own truth:   employers, their api_keys, verifications (facts alone, never the credential; each with the salt that
                 opens its leaf in the log, of which the registry is told the commitment alone). Employers and keys
                 come back from verifier.state.v1, where the newest version wins: a revoked key stays revoked.
                 seen_revocations (when a revocation was first seen here; a day of them) are measured here and
                 nowhere else: a rebuild leaves them, and a lost database begins anew.
                 receipt_keys (sealed under LAUREL_KEK_FILE) sign receipts; log_seen is the log as it was read last.
                 watches (what employers want to hear of), watch_events and watch_feeds (what they were told),
                 watch_news (what is to be looked into) are on no topic: a rebuild leaves them and tells nobody again,
                 a lost database has lost them, and employers must watch anew.
                 event_salts are kept until they are erased: a rebuild leaves them, and `laurel refeed issuer` brings
                 back what was lost.
Projections:     institutions, signing_keys, credentials, institutions' api_keys, log_positions, log_checkpoints:
                 `laurel rebuild verifier` empties and refills them. No event topic is needed for a verdict.

Documents are checked, and pictures unpacked, in processes of their own (workers.py, jobs.py, check_worker.py),
bounded in time and memory. Links, and what badges from elsewhere need beside, are fetched from public addresses alone
(fetch.py); the latter is kept for a short time (fetched.py). People read answers at `/` (pages.py), and `GET
/v1/freshness` says how old the copies are and how long real revocations took from accepted to seen. Programs that
speak the VC-API ask `/credentials/verify` and `/presentations/verify` (vc_api.py), which record no more than the
others. Watches are made by employers (api/watches.py) and looked at by the worker as news and dates come
(handlers/watching.py); their issuer learns nothing of them but counts (api/reach.py). A receipt (receipt_keys.py,
log_reader.py) is made of the log's own files, read over HTTP as by anybody.
"""
