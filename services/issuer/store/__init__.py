"""All SQL of the issuer, and nothing but SQL; row-level security holds for the api's role, the worker's sees all."""
