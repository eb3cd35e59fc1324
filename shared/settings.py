"""What every service reads from its environment, once, at the door."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings that all services share; the variables are the members' names in capitals behind `LAUREL_`."""

    model_config = SettingsConfigDict(env_prefix="LAUREL_", frozen=True, extra="ignore")

    # PostgreSQL: migrations run as owner, routes as app (row-level security holds), everything else as worker.
    owner_dsn: str = "postgresql:///"
    app_dsn: str = "postgresql:///"
    worker_dsn: str = "postgresql:///"
    # Of each of the two pools: with relay, log and consumers a service stays under 20 connections.
    pool_size: int = Field(6, ge=2, le=20)

    # The event log: our own in PostgreSQL, or Apache Kafka.
    log: Literal["embedded", "kafka"] = "embedded"
    eventlog_dsn: str = "postgresql:///"
    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_cafile: Path | None = None
    kafka_ssl_certfile: Path | None = None
    kafka_ssl_keyfile: Path | None = None
    kafka_replication: int = Field(1, ge=1)
    topic_prefix: str = ""

    # HTTP
    host: str = "127.0.0.1"
    port: int = 8000
    # Every URL inside a badge begins with it; the registry's own address where there is no public one.
    public_url: str = "http://127.0.0.1:8002"
    operator_key: SecretStr | None = None
    operator_key_file: Path | None = None
    max_body_bytes: int = 1 << 20
    body_seconds: float = 20.0

    # How old a status may be before an answer that rests on it is "unknown". Below the age at which state topics are
    # compacted (shared/messaging/topics.py), or a reader that begins anew could trust a heartbeat too early.
    max_status_age: timedelta = Field(timedelta(seconds=60), gt=timedelta(0), le=timedelta(minutes=4))

    # JSON-LD contexts that stand in no package here, by URL in a JSON file. They are believed as they stand: for tests
    # against suites that use contexts of examples, not for a registry that people rely on.
    extra_contexts: Path | None = None

    # OTLP over HTTP, the collector's base address, such as http://127.0.0.1:4318; unset: no export.
    otlp_endpoint: str | None = None

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @property
    def demo(self) -> bool:
        """Whether badges made here are demo badges: without a public https address nobody outside can check them."""
        return not self.public_url.startswith("https://")

    def operator_secret(self) -> str | None:
        """Return the operator key, from the environment or from its file; None where none is configured."""
        if self.operator_key:
            return self.operator_key.get_secret_value()
        return self.operator_key_file.read_text().strip() if self.operator_key_file else None
