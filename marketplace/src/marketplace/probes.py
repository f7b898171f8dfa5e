"""Does something answer there? By hand: an HTTP client would cost more to import than the probes take."""

import asyncio
import re
from urllib.parse import urlsplit

_CONNECT_SECONDS = 2.0
_DEFAULT_PORTS = {"mongodb": 27017, "mongodb+srv": 27017, "nats": 4222, "tls": 4222}


async def http_status(port: int, path: str) -> int:
    """Return the status of a GET on this machine; 0 if the answer is not HTTP. Raises OSError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        protocol, _, rest = (await reader.readline()).partition(b" ")
        return int(rest[:3]) if protocol.startswith(b"HTTP/") else 0
    finally:
        writer.close()


def hosts_of(url: str) -> list[str]:
    """Return what a URL of MongoDB or NATS says about where (host:port, several of them), without credentials."""
    addresses = re.split(r",?[a-z+]+://", url)[1:]  # NATS may repeat the scheme before each host
    return [host for address in addresses for host in re.split("[/?]", address)[0].rpartition("@")[2].split(",")]


def host_and_port(place: str, scheme: str) -> tuple[str, int]:
    """Raises ValueError if there is no host, the port is no port, or the scheme is of neither."""
    parts = urlsplit(f"//{place}")
    if not parts.hostname or scheme not in _DEFAULT_PORTS:
        raise ValueError("not an address of MongoDB or NATS")
    return parts.hostname, parts.port or _DEFAULT_PORTS[scheme]


async def accepts_connections(url: str) -> bool:
    """Whether at least one of its hosts does."""
    scheme = url.partition("://")[0]
    if scheme == "mongodb+srv":
        return True  # its hosts are in the DNS; the driver of the services will look there
    for place in hosts_of(url):
        host, port = host_and_port(place, scheme)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
            writer.close()
        except (OSError, TimeoutError):
            continue
        return True
    return False
