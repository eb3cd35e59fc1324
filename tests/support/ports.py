"""Finds free TCP ports on loopback for servers that tests start, and start again on the same port."""

import random
import socket


def free_port() -> int:
    """A port that nothing is bound to now, below the range from which the kernel takes ports for outgoing connections.

    So it stays free while its server is down between a kill and a restart.
    """
    while not is_free(port := random.randint(20_000, 32_000)):
        pass
    return port


def is_free(port: int) -> bool:
    """Whether nothing is bound to `port` now."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
