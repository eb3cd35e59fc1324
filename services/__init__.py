"""The four services, and what flows between them: by events alone, never by a call.

    issuer      makes credentials and withdraws them; nobody else signs
    registry    remembers: record, history, status lists, the transparency log
    verifier    answers whether a badge holds, and how fresh that answer is
    notifier    tells: mail to learners, webhooks and mail to institutions and employers

    topic                who emits    who consumes
    issuer.events.v1     issuer       registry (the record), notifier (addresses and links), verifier (salts alone)
    issuer.state.v1      issuer       registry, verifier, notifier (institutions, keys, lists, status)
    registry.events.v1   registry     notifier (what is recorded is told)
    registry.state.v1    registry     verifier (places in the log), and the registry itself (its last checkpoint)
    verifier.events.v1   verifier     registry (verifications of its badges), notifier (what watches see)
    verifier.state.v1    verifier     registry, notifier, and the verifier itself when its database was lost

An *event* says what happened, once, and is kept for a time; a *state* record says how one thing stands and is kept for
ever. Whoever starts anew reads states. No service imports another.
"""
