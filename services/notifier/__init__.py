"""The notifier tells: learners by mail, institutions and employers by webhook or mail, each in its language and words.

Consumes   issuer.events.v1,    what happened, and that the registry has recorded it: people are told when
           registry.events.v1   both are here, in either order                       (laurel.notifier.events)
           verifier.events.v1   what employers' watches see, told to them alone
           issuer.state.v1,     copies of institutions and of API keys
           verifier.state.v1                                                         (laurel.notifier.state)
Emits      nothing

Its own truth:   endpoints; notices, deliveries and attempts (the ledger of who was told what); recipients (what an
                 erasure takes: address, owner link, signed badge, the institution's note); templates and mail_settings;
                 suppressions (digests of addresses that bounced or whose readers unsubscribed).
                 mail_pace (digests of addresses and domains) goes when its slots are past;
                 link_requests (an address each) go as soon as they are answered; link_mails (digests of addresses)
                 after ten minutes.
Projections:     institutions, api_keys: `laurel rebuild notifier` empties and refills them, and tells nobody again.

An endpoint that is gone, or takes nothing, is disabled; its contact is told, or the tenant's other mail endpoints
(store/deliveries.py `add_for_owner` has the rule).

A mail goes out at least once with a fixed Message-ID, a webhook at least once with a fixed webhook-id.
"""
