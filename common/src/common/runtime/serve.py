"""Runs the application of a service with the web server uvicorn, until the process is stopped."""

import gc
import signal
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from common.http.server import DrainingServer
from common.runtime.logging import configure_logging
from common.runtime.settings import ServiceSettings


def serve(name: str, settings: ServiceSettings, create_app: Callable[[], FastAPI]) -> None:
    """Serve requests until the process receives SIGINT or SIGTERM, then exit.

    The exit status is 0 if the service stopped because of a signal. The exit status is 1 if the service could not start
    or its background work failed.
    """
    configure_logging(name, settings.log_level, settings.log_format)
    failed = False

    def create() -> FastAPI:
        app = create_app()
        app.state.dependencies.instance.on_failure = fail
        server.begin_drain = app.state.dependencies.instance.begin_drain
        # Exclude the objects that exist now from garbage collection, because they are needed until the process ends.
        # Python starts a full collection when the number of new objects reaches a quarter of the number of old objects.
        # Excluded objects do not count as old objects. So full collections are more frequent, but each one is shorter,
        # and a request has to wait less for it.
        gc.freeze()
        return app

    def fail() -> None:
        nonlocal failed
        failed = True
        server.should_exit = True

    config = uvicorn.Config(
        create,
        factory=True,  # uvicorn calls `create` to make the application, inside the event loop that will run it
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # uvicorn takes the client's address and the scheme (http or https) from the headers X-Forwarded-For and
        # X-Forwarded-Proto. It does this only for requests from the addresses in the environment variable
        # FORWARDED_ALLOW_IPS (default: 127.0.0.1), because any client can send these headers.
        proxy_headers=True,
        # When the server stops, it first waits for up to 2 s until the gateway (the proxy in front of all services) has
        # closed the connections (see DrainingServer). After that, the server waits for the requests that are still
        # running. `timeout_graceful_shutdown` is the maximum of this second wait, in seconds.
        timeout_graceful_shutdown=2,
        # The server closes a connection that was idle for this time (in seconds). The gateway, which sends the requests
        # to the server, closes its idle connections much earlier. Otherwise the gateway could send a request just when
        # the server closes the connection, and the request would be lost.
        timeout_keep_alive=75,
    )
    server = DrainingServer(config)

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn handles these signals while it serves. After it has stopped, it raises the received signal again.
        # Without our own handler, this second signal would end the process with a failure status.
        signal.signal(number, stop)
    server.run()
    sys.exit(int(failed or not server.started))
