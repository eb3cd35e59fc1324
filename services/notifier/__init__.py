"""The notifier tells: learners by mail, institutions (and, once they watch badges, employers) by webhook.

Consumes   issuer.events.v1,    what happened, and that the registry has recorded it: people are told when
           registry.events.v1   both are here, in either order                       (laurel.notifier.events)
           issuer.state.v1,     copies of institutions and of API keys
           verifier.state.v1                                                         (laurel.notifier.state)
Emits      nothing

Its own truth:   endpoints; notices, deliveries and attempts (the ledger of who was told what); recipients (what an
                 erasure takes: address, owner link, signed badge, the institution's note).
                 link_requests (an address each) go as soon as they are answered; link_mails (digests of addresses)
                 after ten minutes.
Projections:     institutions, api_keys: `laurel rebuild notifier` empties and refills them, and tells nobody again.

A mail goes out at least once with a fixed Message-ID, a webhook at least once with a fixed webhook-id.
"""
