"""The verifier answers: whether a badge is as it was signed, who signed it, and whether it still holds.

Consumes   issuer.state.v1,     copies of institutions, signing keys, credentials' status and API keys
           verifier.state.v1    its own employers and API keys, for when its database was lost
                                                                                    (laurel.verifier.state)
Emits      verifier.events.v1   laurel.verification.completed.v1, whose id is the verification's
           verifier.state.v1    laurel.employer.state.v1, laurel.employer-api-key.state.v1, heartbeats

Its own truth:   employers, their api_keys, verifications (facts alone, never the credential). Employers and keys
                 come back from verifier.state.v1, where the newest version wins: a revoked key stays revoked.
                 seen_revocations (when a revocation was first seen here; a day of them) are measured here and
                 nowhere else: a rebuild leaves them, and a lost database begins anew.
Projections:     institutions, signing_keys, credentials, institutions' api_keys: `laurel rebuild verifier` empties
                 and refills them. No event topic is needed for a verdict.

Documents are checked, and pictures unpacked, in processes of their own (workers.py, jobs.py, check_worker.py),
bounded in time and memory. Links, and what badges from elsewhere need beside, are fetched from public addresses alone
(fetch.py); the latter is kept for a short time (fetched.py). People read answers at `/` (pages.py), and `GET
/v1/freshness` says how old the copies are and how long real revocations took from accepted to seen. Programs that
speak the VC-API ask `/credentials/verify` and `/presentations/verify` (vc_api.py), which record no more than the
others.
"""
