"""What the registry reads from its environment beyond what every service does."""

from pydantic import field_validator

from shared.settings import Settings


class RegistrySettings(Settings):
    """The registry's settings."""

    port: int = 8002
    # Where `/institutions/*` of badges is sent on to; unset where a proxy before us does that.
    issuer_url: str | None = None
    # Where pages send people on to: to check a badge, and to have their links sent. Unset: no such link.
    verifier_url: str | None = None
    notifier_url: str | None = None

    @field_validator("verifier_url", "notifier_url")
    @classmethod
    def _without_slash_behind(cls, url: str | None) -> str | None:
        return url.rstrip("/") if url else None
