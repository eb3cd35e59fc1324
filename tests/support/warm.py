"""A process that has imported the services and forks one whenever a test wants one: imports take seconds each time.

    python -m tests.support.warm

An order is a line of JSON on stdin, its answer the new process's id on stdout. The new process has the modules alone
from this one: environment, streams and signals are its own, and `python -m services.<name> <role>` is what it runs from
its first line on, so that settings, telemetry, threads and keys are made in it. This one ends with its stdin, and all
of them with it.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("issuer", "registry", "verifier", "notifier")


def start(service: str, role: str, environment: Mapping[str, str], log: Path) -> psutil.Process:
    """Start a service in a role; what it prints is added to `log`."""
    order = {"service": service, "role": role, "environment": dict(environment), "log": str(log)}
    orders, answers = _warm()
    orders.write(json.dumps(order) + "\n")
    orders.flush()
    return psutil.Process(int(answers.readline()))


@cache
def _warm() -> tuple[Any, Any]:
    """Start this process's own warm one; return its stdin and stdout."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", __name__]
    warm = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, process_group=0)
    atexit.register(warm.communicate)
    return warm.stdin, warm.stdout


def _main() -> None:
    for service in SERVICES:
        importlib.import_module(f"services.{service}.app")
    gc.freeze()  # a collection would copy every page into the process that does it
    signal.signal(signal.SIGCHLD, _reap)
    for order in _orders():
        if process := os.fork():
            os.write(1, f"{process}\n".encode())
        else:
            return _become(order)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)  # those that a killed test run has left behind
    return None


def _reap(*_: object) -> None:
    """Let those who have ended go; who waits for one of them sees it gone."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _orders() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def _become(order: Mapping[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv[1:] = [order["role"]]
    runpy.run_module(f"services.{order['service']}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
