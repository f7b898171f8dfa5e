"""Functions that check if a server answers, and that find the hosts and ports in URLs of MongoDB and NATS."""

import asyncio
import re
import ssl
from urllib.parse import urlsplit

import httpx

_TIMEOUT_SECONDS = 2.0
_DEFAULT_PORTS = {"mongodb": 27017, "mongodb+srv": 27017, "nats": 4222, "tls": 4222}
# We give this TLS context to the HTTP clients below, which use only http:// URLs and therefore need no certificates.
# Otherwise httpx would load the certificates of all certificate authorities for each new client, which takes 20 ms.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def http_status(port: int, path: str) -> int | None:
    """Send a GET request as `http_answer` does, and return the HTTP status of the answer, or None."""
    answer = await http_answer(port, path)
    return None if answer is None else answer.status_code


async def http_answer(port: int, path: str) -> httpx.Response | None:
    """Send a GET request to this port of this machine, and return the answer.

    Returns None if there is no answer, or if the answer is not HTTP.
    """
    client = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False, verify=_NO_CERTIFICATES)
    try:
        async with client:
            return await client.get(f"http://127.0.0.1:{port}{path}")
    except httpx.TransportError:
        return None


def hosts_of(url: str) -> list[str]:
    """Return all hosts in a URL of MongoDB or NATS, as `host` or `host:port`. The result contains no credentials."""
    addresses = re.split(r",?\s*[a-z+]+://", url)[1:]  # a NATS URL may repeat the scheme: nats://a,nats://b
    return [host for address in addresses for host in re.split("[/?]", address)[0].rpartition("@")[2].split(",")]


def host_and_port(place: str, scheme: str) -> tuple[str, int]:
    """Return the host and the port of `place`, which is `host` or `host:port`.

    If `place` has no port, return the default port of the scheme. Raises ValueError if the host, the port or the scheme
    is not valid.
    """
    parts = urlsplit(f"//{place}")
    if not parts.hostname or scheme not in _DEFAULT_PORTS:
        raise ValueError("not an address of MongoDB or NATS")
    return parts.hostname, parts.port or _DEFAULT_PORTS[scheme]


async def accepts_connections(url: str) -> bool:
    """Return True if at least one host of the URL accepts connections, or if the URL begins with mongodb+srv://."""
    scheme = url.partition("://")[0]
    if scheme == "mongodb+srv":
        # Such a URL does not contain the hosts. The MongoDB driver asks the DNS for them. So we cannot check them here.
        return True
    for place in hosts_of(url):
        host, port = host_and_port(place, scheme)
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
            writer.close()
        except (OSError, TimeoutError):
            continue
        return True
    return False
