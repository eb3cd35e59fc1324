"""What the registry reads from its environment beyond what every service does."""

from pathlib import Path

from pydantic import Field, field_validator

from shared.settings import Settings
from shared.transparency.policy import Policy, parse_policy


class RegistrySettings(Settings):
    """The registry's settings."""

    port: int = 8002
    # Where `/institutions/*` of badges is sent on to; unset where a proxy before us does that.
    issuer_url: str | None = None
    # Where pages send people on to: to check a badge, and to have their links sent. Unset: no such link.
    verifier_url: str | None = None
    notifier_url: str | None = None

    # The transparency log's key stands in the database sealed under the keys of this file (shared/sealing.py).
    kek_file: Path = Path(".laurel/kek")
    # What the log is called for ever, set when it is made: a name without scheme, space, `+` or closing slash, which no
    # other log has. Unset: one is drawn. Set, it also tells a lost database from a new installation.
    log_origin: str | None = Field(None, pattern=r"^[^\s+]*[^\s+/]$", max_length=200)
    # One more place for checkpoints beside the event log: a file, best on another machine's disk.
    log_checkpoint_file: Path | None = None
    # Whose cosignatures a checkpoint needs before it is published (C2SP tlog-policy); unset: nobody's.
    log_policy_file: Path | None = None
    # How often a checkpoint is made at most: every quarter of a second, or every second where witnesses are asked.
    log_round_seconds: float | None = Field(None, ge=0.05, le=3600)

    def log_policy(self) -> Policy:
        """Read the policy; raises MalformedPolicy or MalformedNote where it can't be understood, OSError."""
        return parse_policy(self.log_policy_file.read_bytes()) if self.log_policy_file else Policy()

    @field_validator("log_origin", mode="before")
    @classmethod
    def _none_where_empty(cls, origin: str | None) -> str | None:
        return origin or None

    @field_validator("verifier_url", "notifier_url")
    @classmethod
    def _without_slash_behind(cls, url: str | None) -> str | None:
        return url.rstrip("/") if url else None
