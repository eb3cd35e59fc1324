"""One Laurel on this machine: its folder, its ports, its event log, its keys."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

from deploy.postgres import SERVICES

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8000
PORTS = ("console", *SERVICES, "kafka", "kafka-controller")

Broker = Literal["embedded", "kafka"]


class SetupError(Exception):
    """Something that keeps Laurel from starting; the message tells a person what, and how to mend it."""


@dataclass(frozen=True)
class Installation:
    """Where one Laurel is kept and where it answers; another folder is another Laurel."""

    home: Path
    port: int
    broker: Broker

    def port_of(self, name: str) -> int:
        """The port of a service, of `console`, `kafka` or `kafka-controller`."""
        return self.port + PORTS.index(name)

    def url(self, name: str) -> str:
        """The base address of a service or of the console."""
        return f"http://127.0.0.1:{self.port_of(name)}"

    @property
    def urls(self) -> dict[str, str]:
        """The base addresses of the console and the services."""
        return {name: self.url(name) for name in ("console", *SERVICES)}

    @property
    def ports(self) -> dict[str, int]:
        """Every port that is listened on."""
        used = PORTS if self.broker == "kafka" else ("console", *SERVICES)
        return {name: self.port_of(name) for name in used}

    @property
    def demo_file(self) -> Path:
        """What scripts and outside checks start from: addresses, keys, one of each thing."""
        return self.home / "demo.json"

    @property
    def operator_key_file(self) -> Path:
        """The operator's key."""
        return self.home / "keys" / "operator"

    @property
    def sealing_key_file(self) -> Path:
        """The key under which secrets in the databases are sealed; without it they are lost."""
        return self.home / "keys" / "sealing"

    @property
    def log_origin(self) -> str | None:
        """The transparency log's name, drawn once: a database that was lost can't begin another log unseen."""
        return self._log_origin_file.read_text().strip() if self._log_origin_file.exists() else None

    @property
    def _log_origin_file(self) -> Path:
        return self.home / "log-origin"

    @property
    def logs(self) -> Path:
        """A file for each program."""
        return self.home / "logs"

    def prepare(self) -> None:
        """Make the folder (for us alone), the keys, and the note of what was chosen; what is there stays."""
        for folder in (self.home, self.home / "keys", self.logs, self.home / "run", self.home / "mail"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o700)
        _write_new(self.operator_key_file, secrets.token_urlsafe(32))
        _write_new(self.sealing_key_file, base64.b64encode(secrets.token_bytes(32)).decode())
        _write_new(self._log_origin_file, f"log.laurel/{secrets.token_hex(8)}")
        _write_new(_note(self.home), json.dumps({**asdict(self), "home": str(self.home)}))


def find(environment: Mapping[str, str]) -> Installation:
    """Read LAUREL_HOME, PORT and BROKER; what an installation was made with stays with it.

    Raises SetupError for a value that can't be used.
    """
    home = Path(environment.get("LAUREL_HOME") or ROOT / ".laurel").expanduser().resolve()
    made = json.loads(_note(home).read_text()) if _note(home).exists() else {}
    port = environment.get("PORT") or str(made.get("port", DEFAULT_PORT))
    broker = environment.get("BROKER") or made.get("broker", "embedded")
    if not port.isdigit() or not 1024 <= int(port) <= 65535 - len(PORTS):
        raise SetupError(f"PORT={port}: a number from 1024 to {65535 - len(PORTS)} is needed, such as PORT=8000.")
    if broker not in ("embedded", "kafka"):
        raise SetupError(f"BROKER={broker}: the event log is 'embedded' or 'kafka'.")
    found = Installation(home, int(port), cast(Broker, broker))
    if made and (found.port, found.broker) != (made["port"], made["broker"]):
        raise SetupError(
            f"{home} was made with PORT={made['port']} BROKER={made['broker']}, and stays with them: its badges carry "
            "its addresses, its databases know its log. For another choose another folder beside it, such as "
            f"'make up LAUREL_HOME=.laurel-{found.port} PORT={found.port} BROKER={found.broker}'."
        )
    return found


def _note(home: Path) -> Path:
    return home / "installation.json"


def _write_new(path: Path, text: str) -> None:
    if not path.exists():
        replace_privately(path, text + "\n")


def replace_privately(path: Path, text: str) -> None:
    """Write `path`, readable by us alone; whoever reads it meanwhile sees the old text or the new one, whole."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.touch(mode=0o600)
    half.write_text(text)
    half.replace(path)
