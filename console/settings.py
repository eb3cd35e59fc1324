"""What the console reads from its environment, once, at the door."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# Addresses between blanks; the first answers routes, any further ones (workers that run apart) tell their numbers.
Addresses = Annotated[tuple[str, ...], NoDecode]
TRACE_ID = "{trace_id}"


class ConsoleSettings(BaseSettings):
    """The console's settings; the variables are the members' names in capitals behind `LAUREL_`."""

    model_config = SettingsConfigDict(env_prefix="LAUREL_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = 8000

    # Where a reader's browser reaches the services.
    issuer_url: str = "http://127.0.0.1:8001"
    registry_url: str = "http://127.0.0.1:8002"
    verifier_url: str = "http://127.0.0.1:8003"
    notifier_url: str = "http://127.0.0.1:8004"
    # Where the console itself reaches their processes, if elsewhere: `http://issuer-api:8000 http://issuer-worker:8000`.
    issuer_inside: Addresses = ()
    registry_inside: Addresses = ()
    verifier_inside: Addresses = ()
    notifier_inside: Addresses = ()

    # Opens the operator's pages here, and the operator's routes of the services; without one the pages stay closed.
    operator_key: SecretStr | None = None
    operator_key_file: Path | None = None

    # Where spans are kept, so that they outlive a restart; unset: in memory.
    span_folder: Path | None = None
    # A badge's life makes some 60 spans, so this is the day of 3,000 badges and more; what comes first goes first.
    span_count: int = Field(200_000, ge=1)
    # Some 500 bytes a span with its indexes: the count comes first unless spans are unusually large.
    span_bytes: int = Field(128 * 1024 * 1024, ge=1 << 20)

    # Names the demo's badge (`credential_id`), where there is a demo.
    demo_file: Path | None = None

    # Where spans go instead, and where a reader looks at a trace there, such as https://jaeger.example/trace/{trace_id}.
    otlp_endpoint: str | None = None
    trace_url: str | None = None

    @field_validator("issuer_inside", "registry_inside", "verifier_inside", "notifier_inside", mode="before")
    @classmethod
    def _split(cls, text: str | tuple[str, ...]) -> tuple[str, ...]:
        return tuple(text.split()) if isinstance(text, str) else text

    @field_validator("trace_url")
    @classmethod
    def _with_place(cls, url: str | None) -> str | None:
        if url and (TRACE_ID not in url or not url.startswith(("https://", "http://"))):
            raise ValueError(f"a web address with {TRACE_ID} in it is needed")
        return url or None

    def operator_secret(self) -> str | None:
        """Return the operator key, from the environment or from its file; None where none is configured."""
        if self.operator_key and (key := self.operator_key.get_secret_value()):
            return key
        return self.operator_key_file.read_text().strip() or None if self.operator_key_file else None

    def elsewhere(self, trace_id: str) -> str | None:
        """Return the address of a trace in the collector's own pages; None where none is configured."""
        return self.trace_url.replace(TRACE_ID, trace_id) if self.trace_url else None
