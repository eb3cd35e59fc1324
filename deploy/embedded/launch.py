"""Becomes one program of an installation, holding a lock that tells for as long as it lives who it is.

    python -m deploy.embedded.launch .laurel issuer

A process id alone may belong to somebody else after a crash. A locked file is held by the program and the processes
it forks, and the kernel lets go of it when the last of them has ended, however that came.
"""

import fcntl
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.embedded.installation import replace_privately

# A probe of the lock holds it for a moment.
PATIENCE = 2.0


def describe(home: Path, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Note what the program `name` is; return the command line that becomes it."""
    replace_privately(_card(home, name), json.dumps({"arguments": list(arguments), "environment": dict(environment)}))
    return [sys.executable, "-m", "deploy.embedded.launch", str(home), name]


def holder(home: Path, name: str) -> int | None:
    """Return the process id of the program `name`; None where it does not run."""
    path = _lock(home, name)
    if not path.exists():
        return None
    with path.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            written = lock.read().strip()
            return int(written) if written else None
    return None


def become(home: Path, name: str) -> None:
    """Replace this process by the program `name`; ends with a message where it runs already."""
    card = json.loads(_card(home, name).read_text())
    lock = os.open(_lock(home, name), os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + PATIENCE
    while not _locked(lock):
        if time.monotonic() > deadline:
            sys.exit(f"{name} runs already (process {os.pread(lock, 20, 0).decode().strip()})")
        time.sleep(0.05)
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    os.set_inheritable(lock, True)
    arguments = card["arguments"]
    os.execvpe(arguments[0], arguments, {**os.environ, **card["environment"]})


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _card(home: Path, name: str) -> Path:
    return home / "run" / f"{name}.json"


def _lock(home: Path, name: str) -> Path:
    return home / "run" / f"{name}.pid"


if __name__ == "__main__":
    become(Path(sys.argv[1]), sys.argv[2])
