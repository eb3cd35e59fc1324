"""What every HTTP interface here does the same way: problems, keys, idempotency, pages, limits, health."""
