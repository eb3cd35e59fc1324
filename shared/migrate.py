"""Applies the numbered SQL files of shared/migrations and of one service, each once, in order."""

from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations

ROOT = Path(__file__).resolve().parent.parent


def migrate(owner_dsn: str, service: str) -> list[str]:
    """Bring the database at `owner_dsn` up to date for `service`; return the names of what was applied.

    Safe to call at every start and from several processes at once: the later waits for the earlier.
    """
    with psycopg.connect(owner_dsn, autocommit=True) as guard:
        # yoyo's own lock is a row, which a process that was killed would leave behind for ever.
        guard.execute("select pg_advisory_lock(hashtextextended('laurel/migrate', 0))")
        return _apply(owner_dsn, service)


def _apply(owner_dsn: str, service: str) -> list[str]:
    backend = get_backend(owner_dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    applied: list[str] = []
    try:
        for folder in (ROOT / "shared" / "migrations", ROOT / "services" / service / "migrations"):
            waiting = backend.to_apply(read_migrations(str(folder)))
            backend.apply_migrations(waiting)
            applied += [migration.id for migration in waiting]
    finally:
        backend.connection.close()
    return applied
