"""All SQL of the registry and nothing but SQL."""
