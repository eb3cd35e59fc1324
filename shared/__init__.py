"""What at least two services use; it takes no decision of theirs."""
