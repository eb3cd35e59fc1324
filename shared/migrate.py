"""Applies the numbered SQL files of shared/migrations and of one service, each once, in order."""

from pathlib import Path

from yoyo import get_backend, read_migrations

ROOT = Path(__file__).resolve().parent.parent


def migrate(owner_dsn: str, service: str) -> list[str]:
    """Bring the database at `owner_dsn` up to date for `service`; return the names of what was applied.

    Safe to call at every start and from several processes at once: yoyo holds a lock while it works.
    """
    backend = get_backend(owner_dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    applied: list[str] = []
    try:
        with backend.lock():
            for folder in (ROOT / "shared" / "migrations", ROOT / "services" / service / "migrations"):
                waiting = backend.to_apply(read_migrations(str(folder)))
                backend.apply_migrations(waiting)
                applied += [migration.id for migration in waiting]
    finally:
        backend.connection.close()
    return applied
