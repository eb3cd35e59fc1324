"""The programs of an installation, each with its command, its environment and the way it is stopped."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.embedded.installation import Installation
from deploy.postgres import SERVICES, Stack


@dataclass(frozen=True)
class Program:
    """One program. Lower ranks start first and stop last; `first` ones start before databases and topics are made."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    rank: int = 30
    first: bool = False
    stop_signal: str = "TERM"


def programs(installation: Installation, admin_dsn: str) -> list[Program]:
    """Every program of `installation`, whose PostgreSQL's superuser connects at `admin_dsn`."""
    listed = [_postgres(installation)]
    if installation.broker == "kafka":
        listed.append(_kafka(installation))
    for name in SERVICES:
        environment = _service_environment(installation, name, admin_dsn)
        listed.append(Program(name, (sys.executable, "-m", f"services.{name}", "all"), environment))
    return [*listed, _console(installation)]


def _service_environment(installation: Installation, name: str, admin_dsn: str) -> dict[str, str]:
    """The settings of the service `name`."""
    stack = Stack()
    return {
        "LAUREL_OWNER_DSN": stack.dsn(admin_dsn, name, "owner"),
        "LAUREL_APP_DSN": stack.dsn(admin_dsn, name, "app"),
        "LAUREL_WORKER_DSN": stack.dsn(admin_dsn, name, "worker"),
        "LAUREL_LOG": installation.broker,
        "LAUREL_EVENTLOG_DSN": stack.dsn(admin_dsn, "eventlog", "app"),
        "LAUREL_KAFKA_BOOTSTRAP": f"127.0.0.1:{installation.port_of('kafka')}",
        "LAUREL_PORT": str(installation.port_of(name)),
        "LAUREL_PUBLIC_URL": installation.url("registry"),
        **_common(installation),
        **_spans(installation),
        # Where a service has a setting that others lack, the others don't read it.
        "LAUREL_KEK_FILE": str(installation.sealing_key_file),
        **({"LAUREL_LOG_ORIGIN": installation.log_origin} if installation.log_origin else {}),
        "LAUREL_ISSUER_URL": installation.url("issuer"),
        "LAUREL_VERIFIER_URL": installation.url("verifier"),
        "LAUREL_NOTIFIER_URL": installation.url("notifier"),
        "LAUREL_MAIL_FOLDER": str(installation.home / "mail"),
        "LAUREL_ALLOW_LOOPBACK_WEBHOOKS": "true",
        "LAUREL_ALLOW_LOOPBACK_FETCHES": "true",
    }


def _common(installation: Installation) -> dict[str, str]:
    return {
        "LAUREL_HOST": "127.0.0.1",
        # A key in the caller's environment is meant for the command line, not for the services.
        "LAUREL_OPERATOR_KEY": "",
        "LAUREL_OPERATOR_KEY_FILE": str(installation.operator_key_file),
    }


def _spans(installation: Installation) -> dict[str, str]:
    """Where the services send spans: to the console, unless the caller names a collector; its name they inherit."""
    return {} if os.environ.get("LAUREL_OTLP_ENDPOINT") else {"LAUREL_OTLP_ENDPOINT": installation.url("console")}


def _postgres(installation: Installation) -> Program:
    home = str(installation.home / "postgres")
    # INT cuts connections and leaves the files in order; TERM would wait for every client to go.
    return Program(
        "postgres",
        (sys.executable, "-m", "deploy.embedded.postgres", "--home", home),
        rank=10,
        first=True,
        stop_signal="INT",
    )


def _kafka(installation: Installation) -> Program:
    port, controller = (str(installation.port_of(name)) for name in ("kafka", "kafka-controller"))
    folder = ("--home", str(installation.home / "kafka"))
    ports = ("--port", port, "--controller-port", controller, "--foreground")
    return Program("kafka", (sys.executable, "-m", "deploy.kafka.broker", *folder, *ports), rank=20, first=True)


def _console(installation: Installation) -> Program:
    environment = {
        "LAUREL_PORT": str(installation.port_of("console")),
        "LAUREL_DEMO_FILE": str(installation.demo_file),
        "LAUREL_SPAN_FOLDER": str(installation.home / "spans"),
        **{f"LAUREL_{name.upper()}_URL": installation.url(name) for name in SERVICES},
        **_common(installation),
    }
    # Before the services, and stopped after them: it takes their last spans.
    return Program("console", (sys.executable, "-m", "console"), environment, rank=25)
