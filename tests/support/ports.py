"""Finds free TCP ports on loopback for servers that tests start, and start again on the same port."""

import random
import socket


def free_port() -> int:
    """A port that nothing is bound to, outside the range that the kernel gives to outgoing connections.

    So it stays free while its server is down between a kill and a restart.
    """
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
