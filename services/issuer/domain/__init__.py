"""What the issuer decides, as pure functions: the time, ids, secrets and keys are arguments."""
