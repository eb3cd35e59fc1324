"""`python -m bench.audit`: auditing logs of 10 k, 100 k and 1 M leaves from leaf 0, from a folder and over HTTP.

Each audit is a process of its own: its CPU time, the time that passed, and the most memory that it had at once.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.support.log_folders import LogFolder, some_entries

SIZES = (10_000, 100_000, 1_000_000)


def main(sizes: tuple[int, ...] = SIZES) -> None:
    table = Table("what", "leaves", "CPU seconds", "seconds", "leaves per CPU-second", "peak memory")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            # In a process that ends: what this one has in memory counts as its children's.
            builder = get_context("spawn").Process(target=_build, args=(folder, size))
            builder.start()
            builder.join()
            with _served(folder) as url:
                for what, where in (("a folder", folder), ("HTTP", url)):
                    cpu, passed, memory = _audit(where)
                    cells = (f"{size:,}", f"{cpu:.1f}", f"{passed:.1f}", f"{size / cpu:,.0f}", f"{memory >> 10} MiB")
                    table.add_row(what, *cells)
    Console(width=120).print(table)


def _build(folder: str, size: int) -> None:
    LogFolder(Path(folder), some_entries(size))


def _audit(where: str) -> tuple[float, float, int]:
    """Return CPU seconds, seconds and KiB of an audit."""
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "cli", "log", "audit", where], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the audit of {where} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun, usage.ru_maxrss


class _Silent(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _served(folder: str) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=folder)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


if __name__ == "__main__":
    main()
