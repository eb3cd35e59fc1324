"""Laurel on one machine, without Docker and without Java: PostgreSQL from a wheel, services as processes."""
