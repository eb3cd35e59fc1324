"""What the console reads from its environment, once, at the door."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


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

    # Names the demo's badge (`credential_id`), where there is a demo.
    demo_file: Path | None = None

    otlp_endpoint: str | None = None
