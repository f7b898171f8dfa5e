"""Finds free TCP ports of this machine."""

import random
import socket

# These ports are below the ports that Linux and macOS use for outgoing connections. Otherwise an outgoing connection
# could take the port of a server while the server restarts. A client that reconnects to the server at this moment could
# even connect to itself.
_CANDIDATES = range(10_000, 32_000)


def is_taken(port: int) -> bool:
    """Return True if a program listens on this port of the address 127.0.0.1."""
    with socket.socket() as probe:
        # Servers also set this option. With this option, a closed connection in the state TIME_WAIT does not block the
        # port, but a program that listens blocks the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def free_port(in_a_row: int = 1) -> int:
    """Return a port that is free now.

    If `in_a_row` is greater than 1, the next ports are also free. For example, `free_port(3)` returns a port that is
    free and is followed by two free ports.
    """
    candidates = random.sample(_CANDIDATES, len(_CANDIDATES))
    return next(port for port in candidates if not any(map(is_taken, range(port, port + in_a_row))))
