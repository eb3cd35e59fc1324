"""The verifier's routes."""
