"""Laurel's transparency log held against programs that others wrote."""
