"""Issuance jobs from the command line: a file goes up, and what the issuer does with it is followed."""
