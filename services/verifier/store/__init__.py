"""All SQL of the verifier, and nothing but SQL."""
