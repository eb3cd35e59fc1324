"""What the issuer does: each use case receives the open transaction; issuing alone is handed the database."""
