"""Finds free TCP ports of this machine."""

import random
import socket

# Our servers get ports from this range. For each outgoing connection, the system also chooses a local port. By default,
# Linux and macOS choose it above this range, so it is never the port of a server. If they chose it from the same range,
# an outgoing connection could take the port of a server while the server restarts. Then the server could not start. Or
# a client that connects to the port of the server could get this port as its own port. Then TCP would connect the
# client to itself.
_CANDIDATES = range(10_000, 32_000)


def is_taken(port: int) -> bool:
    """Return True if a program listens on this port of the address 127.0.0.1."""
    with socket.socket() as probe:
        # After a connection is closed, the system keeps it for about a minute in the state TIME_WAIT. Without this
        # option, such a connection would block the port. Servers also set the option, so they can use such a port. With
        # the option, only a program that listens blocks the port.
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
