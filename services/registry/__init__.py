"""The registry remembers: every badge's record and history, the status lists, what was verified; and logs all of it.

Consumes   issuer.events.v1     into the record, in the order of versions; institutions, keys and
                                achievements into the log                          (laurel.registry.record)
           verifier.events.v1   verifications, facts alone; of watches nothing     (laurel.registry.verifications)
           issuer.state.v1,     copies of institutions, achievements, API keys and
           verifier.state.v1    statuses, and the signed status lists              (laurel.registry.state)
Emits      registry.events.v1   laurel.credential.recorded.v1, whose id follows from the id of the event it answers;
                                laurel.events.logged.v1
           registry.state.v1    places in the log, checkpoints, heartbeats

Its own truth:   credentials, history; documents, openings (what an erasure takes: the signed document, the badge as a
                 token, the owner link's hash, salts, notes); verifications; status_list_versions (the last one of each
                 minute, 400 days). Lost, they come back by `laurel refeed issuer` and `laurel refeed verifier`, of
                 the status lists the newest alone.
                 log_trees, log_keys (sealed), log_entries, log_tiles, log_checkpoints, log_witnesses: the transparency
                 log (log/); changes (facts and salts of what is logged beside credentials). Lost, the log can't go on:
                 another follows it (docs/runbook.md), and `laurel refeed issuer` fills it.
                 shown_badges (which learners show their badges whole to everybody). Lost, it comes back from nowhere:
                 every badge is hidden again until its learner says so anew.
Projections:     institutions, achievements, api_keys, credential_states (of changed badges, how they stand):
                 `laurel rebuild registry` empties and refills them.

One worker at a time keeps the log; its key is sealed under LAUREL_KEK_FILE. Anybody reads the log as static files.

Its api only reads: the app role may change no row of these tables. The learner's word on who may see a badge whole
goes through a function that checks the owner link's token.
"""
