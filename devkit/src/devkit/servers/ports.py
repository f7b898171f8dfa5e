"""Which TCP ports of this machine are free."""

import random
import socket

# Below the range from which Linux and macOS take the ports of outgoing connections. A port of that range may be given
# away while its server is restarted; worse, a client that keeps reconnecting to it can end up connected to itself.
_CANDIDATES = range(10_000, 32_000)


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: the remains of closed connections are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def free_port(in_a_row: int = 1) -> int:
    """Return a port on which nothing listens now, and nothing on the next ones if more are asked for."""
    candidates = random.sample(_CANDIDATES, len(_CANDIDATES))
    return next(port for port in candidates if not any(map(is_taken, range(port, port + in_a_row))))
