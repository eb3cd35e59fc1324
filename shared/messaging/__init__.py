"""Events from one service's transaction into another's: contract, outbox, relay, log, inbox, projections."""
