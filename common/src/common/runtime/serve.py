"""Serves a service's application with uvicorn."""

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
    """Serve until SIGINT or SIGTERM, then exit: with status 0 after an orderly stop, with 1 after a failure."""
    configure_logging(name, settings.log_level, settings.log_format)
    failed = False

    def create() -> FastAPI:
        app = create_app()
        app.state.dependencies.instance.on_failure = fail
        # Exclude the objects that exist now from garbage collection: they live as long as the process. Python starts a
        # full collection when the new objects are a quarter of the old ones. Without these old objects, it comes sooner
        # and takes less time.
        gc.freeze()
        return app

    def fail() -> None:
        nonlocal failed
        failed = True
        server.should_exit = True

    config = uvicorn.Config(
        create,
        factory=True,  # created inside the event loop in which it runs
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,  # trusted from FORWARDED_ALLOW_IPS only, by default the loopback address
        timeout_graceful_shutdown=2,  # after the 2 s of draining
        timeout_keep_alive=75,  # longer than the gateway's: the side that may send has to close an idle connection
    )
    server = DrainingServer(config)

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn handles them while it serves, and raises them again after it has stopped. The default handlers would
        # then end the process with a failure status.
        signal.signal(number, stop)
    server.run()
    sys.exit(int(failed or not server.started))
