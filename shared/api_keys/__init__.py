"""API keys of institutions and employers: the service that owns a kind of tenant makes, lists and revokes them.

It tells the others their hashes in state records, and each service keeps all of them in the same table.
"""
