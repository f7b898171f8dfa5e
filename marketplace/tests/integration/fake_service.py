"""Stands for any of the services in tests of the platform. Writes each request to its output."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = str(__package__)
MISBEHAVIOUR = os.environ.get(f"FAKE_{NAME}".upper())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.startswith("/healthz"):
            sys.stdout.write(f"{self.command} {self.path}\n")
        if self.path.endswith("/crash"):
            os._exit(3)
        body = json.dumps({"service": NAME, "pid": os.getpid(), "headers": dict(self.headers)}).encode()
        self.send_response(404 if self.path.endswith("/missing") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - the names that the base class looks for


if MISBEHAVIOUR == "bad setting":
    sys.exit("PORT: not accepted")
stop = signal.SIG_IGN if MISBEHAVIOUR == "stubborn" else lambda *_: os._exit(0)
signal.signal(signal.SIGTERM, stop)
sys.stdout.write(f"{NAME} listens\n")
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
