"""Finds free TCP ports of this machine."""

import random
import socket

# Below the range that Linux and macOS use for outgoing connections: one of those may take the port of a server while it
# restarts. A client that reconnects to the server just then may even connect to itself.
_CANDIDATES = range(10_000, 32_000)


def is_taken(port: int) -> bool:
    """Whether a program listens on this port of the loopback address."""
    with socket.socket() as probe:
        # As servers do: a closed connection in TIME_WAIT does not block the port, a listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def free_port(in_a_row: int = 1) -> int:
    """Return a port that is free now; with `in_a_row`, the first one of several consecutive free ports."""
    candidates = random.sample(_CANDIDATES, len(_CANDIDATES))
    return next(port for port in candidates if not any(map(is_taken, range(port, port + in_a_row))))
