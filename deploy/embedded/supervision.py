"""Keeps an installation's programs running, by the process manager supervisor, and ends them without a rest."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from deploy.embedded.installation import ROOT, Installation, SetupError
from deploy.embedded.launch import describe, holder
from deploy.embedded.postgres import private_socket_folder
from deploy.embedded.programs import Program

# A program that ends within START_SECONDS is tried again 1, 2, 3 ... seconds later; after this many tries (half an
# hour) it is given up until `make up`.
TRIES = 60
START_SECONDS = 5
STOP_SECONDS = 20
LOG_BYTES = 10_000_000
LOG_FILES = 3

MANAGER = "supervisord"


@dataclass(frozen=True)
class Standing:
    """How one program stands, in the process manager's words (RUNNING, BACKOFF, FATAL, STOPPED ...)."""

    name: str
    state: str
    description: str


def runs(installation: Installation) -> bool:
    """Tell whether the process manager of `installation` runs."""
    return holder(installation.home, MANAGER) is not None


def start_manager(installation: Installation, programs: Sequence[Program]) -> None:
    """Start the process manager, apart from this process, and with it the programs that come first."""
    home = installation.home
    configuration = home / "run" / "supervisord.conf"
    configuration.write_text(_configuration(installation, programs))
    command = describe(
        home, MANAGER, [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(configuration)], {}
    )
    with (installation.logs / "supervisord.out").open("ab") as log:
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    _await(lambda: _answers(installation), 30, f"the process manager does not answer; see {log.name}")


def start(installation: Installation, names: Sequence[str]) -> None:
    """Start those of the programs `names` that do not run; returns before they are ready."""
    for standing in standings(installation):
        if standing.name in names and standing.state not in ("STARTING", "RUNNING"):
            _remote(installation).startProcess(standing.name, False)


def standings(installation: Installation) -> list[Standing]:
    """Tell how every program stands."""
    listed: Any = _remote(installation).getAllProcessInfo()
    return [Standing(each["name"], each["statename"], each["description"]) for each in listed]


def end(installation: Installation) -> list[str]:
    """End every process, those too that a killed process manager left behind; return the names of what was ended."""
    names = [path.stem for path in sorted((installation.home / "run").glob("*.pid"))]
    running = {name: process for name in names if (process := holder(installation.home, name))}
    if MANAGER in running:
        _end_orderly(installation)
    # PostgreSQL last: the others still write to it while they stop.
    for name in sorted(running, key=lambda name: (name == "postgres", name == "kafka")):
        _end_forcibly(installation.home, name)
    # An ended process is listed until its parent, by now the machine's first process, has heard of it.
    _wait(lambda: not any(map(_is_listed, running.values())), STOP_SECONDS)
    _remove_socket_folders(installation.home)
    return [name for name in running if name != MANAGER]


def _end_orderly(installation: Installation) -> None:
    try:
        _remote(installation).shutdown()
        _await(lambda: not runs(installation), 5 * STOP_SECONDS, "the process manager does not stop")
    except (OSError, Fault, SetupError) as error:
        print(f"Ending what is left by signals: {error}")


def _end_forcibly(home: Path, name: str) -> None:
    gentle = signal.SIGINT if name == "postgres" else signal.SIGTERM
    for number, seconds in ((gentle, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        process = holder(home, name)
        if process is None:
            return
        # It may end by itself just now, and its forked children behind it.
        with contextlib.suppress(ProcessLookupError):
            # To PostgreSQL's first process alone: to the others this signal means to cancel a query.
            (os.kill if number is signal.SIGINT else os.killpg)(process, number)
        _wait(lambda: holder(home, name) is None, seconds)
    if (process := holder(home, name)) is not None:
        raise SetupError(f"{name} (process {process}) can't be ended.")


def _is_listed(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, PermissionError):  # nobody's, or somebody else's by now
        return False
    return True


def _remove_socket_folders(home: Path) -> None:
    # They lie outside `home`, so whoever deletes `home` one day would leave them behind; the next start makes others.
    for note in (home / "run" / "socket_folder", home / "postgres" / "socket_folder"):
        if note.exists():
            shutil.rmtree(note.read_text(), ignore_errors=True)
            note.unlink()


def _await(predicate: Callable[[], bool], seconds: float, failure: str) -> None:
    if not _wait(predicate, seconds):
        raise SetupError(failure)


def _wait(predicate: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _answers(installation: Installation) -> bool:
    try:
        return bool(_remote(installation).getState())
    except OSError:
        return False


def _remote(installation: Installation) -> Any:
    socket = _socket(installation)
    return ServerProxy("http://supervisor", SupervisorTransport(serverurl=f"unix://{socket}")).supervisor


def _socket(installation: Installation) -> Path:
    return private_socket_folder(installation.home / "run", None) / "supervisor.sock"


def _configuration(installation: Installation, programs: Sequence[Program]) -> str:
    head = f"""\
[supervisord]
nodaemon=true
silent=true
logfile={_literal(installation.logs / "supervisord.log")}
logfile_maxbytes={LOG_BYTES}
logfile_backups={LOG_FILES}
pidfile={_literal(installation.home / "run" / "supervisord.own")}
directory={_literal(ROOT)}

[unix_http_server]
file={_socket(installation)}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
    return head + "".join(_section(installation, program) for program in programs)


def _section(installation: Installation, program: Program) -> str:
    command = describe(installation.home, program.name, program.arguments, program.environment)
    return f"""
[program:{program.name}]
command={_literal(shlex.join(command))}
directory={_literal(ROOT)}
priority={program.rank}
autostart={str(program.first).lower()}
autorestart=true
startsecs={START_SECONDS}
startretries={TRIES}
stopsignal={program.stop_signal}
stopwaitsecs={STOP_SECONDS}
killasgroup=true
redirect_stderr=true
stdout_logfile={_literal(installation.logs / program.name)}.log
stdout_logfile_maxbytes={LOG_BYTES}
stdout_logfile_backups={LOG_FILES}
"""


def _literal(value: Path | str) -> str:
    # The file's format replaces what follows a per cent sign.
    return str(value).replace("%", "%%")
