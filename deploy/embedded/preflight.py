"""Looks, before anything is started, for what would keep Laurel from starting, and says how to mend it."""

import shutil
import socket
import sys

from deploy.embedded.installation import PORTS, Installation, SetupError
from deploy.kafka.broker import MissingTool, fetch_jars, java, libs_folder

OLDEST_PYTHON = (3, 11)
# An empty installation takes some 300 MB, with Kafka 100 MB more; what a day's work adds has to fit too.
FREE_BYTES = 1_000_000_000


def check(installation: Installation) -> None:
    """Raise SetupError for the first thing that is missing: Python, disk, ports; for Kafka also Java and its jars."""
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(
            f"Python {sys.version.split()[0]} is too old: 3.11 is needed. 'make clean', then 'make up PYTHON=...'."
        )
    _check_disk(installation)
    _check_ports(installation)
    if installation.broker == "kafka":
        _check_kafka()


def _check_disk(installation: Installation) -> None:
    folder = next(each for each in (installation.home, *installation.home.parents) if each.exists())
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise SetupError(
            f"{free // 1_000_000} MB are free at {folder}, {FREE_BYTES // 1_000_000} MB are needed: make room, or "
            "choose another disk with 'make up LAUREL_HOME=/elsewhere/laurel'."
        )


def free_base(start: int) -> int:
    """Return the first PORT from `start` on, in steps of 100, at which no port of an installation is taken."""
    return next(base for base in range(start, 65_000, 100) if all(_is_free(base + n) for n in range(len(PORTS))))


def _check_ports(installation: Installation) -> None:
    taken = [(name, port) for name, port in installation.ports.items() if not _is_free(port)]
    if taken:
        named = ", ".join(f"{port} ({name})" for name, port in taken)
        raise SetupError(f"Another program listens on port {named}. {_advice(installation)}")


def _advice(installation: Installation) -> str:
    base = free_base(installation.port + 100)
    if installation.home.joinpath("installation.json").exists():
        # Its badges carry its addresses, so an installation can't move to other ports.
        return f"End that program, or start another Laurel beside: 'make up PORT={base} LAUREL_HOME=.laurel-{base}'."
    return f"End that program, or choose other ports: 'make up PORT={base}'."


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are only waiting out their time is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _check_kafka() -> None:
    try:
        java()
        fetch_jars(libs_folder())
    except (MissingTool, RuntimeError) as error:
        raise SetupError(
            f"{error}\nOr do without it: 'make up BROKER=embedded' needs neither Java nor Kafka."
        ) from error
