"""Does something answer there? By hand: an HTTP client would cost more to import than the probes take."""

import asyncio
from urllib.parse import urlsplit

_CONNECT_SECONDS = 2.0
_DEFAULT_PORTS = {"mongodb": 27017, "nats": 4222, "tls": 4222}


async def http_status(port: int, path: str) -> int:
    """Return the status of a GET on this machine; 0 if the answer is not HTTP. Raises OSError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        protocol, _, rest = (await reader.readline()).partition(b" ")
        return int(rest[:3]) if protocol.startswith(b"HTTP/") else 0
    finally:
        writer.close()


def hosts_of(url: str) -> str:
    """Return what a URL says about where, without the credentials."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2]


async def accepts_connections(url: str) -> bool:
    """Whether at least one of the hosts of a MongoDB or NATS URL does."""
    if url.startswith("mongodb+srv"):
        return True  # its hosts are in the DNS; the driver of the services will look
    scheme = url.partition("://")[0]
    for place in hosts_of(url).split(","):
        parts = urlsplit(f"//{place}")
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(parts.hostname, parts.port or _DEFAULT_PORTS[scheme])
            writer.close()
        except (OSError, TimeoutError):
            continue
        return True
    return False
