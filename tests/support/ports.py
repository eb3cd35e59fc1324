"""Finds free TCP ports on loopback for servers that tests start, and start again on the same port."""

import os
import random
import socket

# Test processes run side by side (pytest-xdist: gw0, gw1, ...) and take ports before their servers bind them: each has
# its own, and gives none twice. What lies above is for installations of ten ports (tests/e2e/test_make_up.py).
WORKERS = 8
FIRST, LAST = 20_000, 28_000
_OWN = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
_given: set[int] = set()


def free_port() -> int:
    """A port that nothing is bound to now, below the range from which the kernel takes ports for outgoing connections.

    So it stays free while its server is down between a kill and a restart.
    """
    while (port := random.randrange(FIRST + _OWN, LAST, WORKERS)) in _given or not is_free(port):
        pass
    _given.add(port)
    return port


def is_free(port: int) -> bool:
    """Whether nothing is bound to `port` now."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
