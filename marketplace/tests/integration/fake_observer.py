"""Stands for any of the services. When it stops, it writes which of the other servers it can still reach."""

import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

OTHERS = {
    "gateway": int(os.environ["GATEWAY_PORT"]),
    "nats": urlsplit(os.environ["NATS_URL"]).port or 0,
    "mongod": urlsplit(os.environ["MONGO_URL"]).port or 0,
}


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def write_what_is_reachable_and_end(*_: object) -> None:
    for name, port in OTHERS.items():
        with socket.socket() as connection:
            connection.settimeout(1)
            reached = connection.connect_ex(("127.0.0.1", port)) == 0
        sys.stdout.write(f"{name} {'answers' if reached else 'does not answer'}\n")
    sys.stdout.flush()
    os._exit(0)


signal.signal(signal.SIGTERM, write_what_is_reachable_and_end)
ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
