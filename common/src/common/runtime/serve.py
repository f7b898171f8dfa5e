"""Serving a service's application with uvicorn."""

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
    """End the process: with 0 when it was told to stop and has, in good order; with 1 when it could not go on."""
    configure_logging(name, settings.log_level, settings.log_format)
    failed = False

    def create() -> FastAPI:
        app = create_app()
        app.state.dependencies.instance.on_failure = fail
        # The collector looks at everything once a quarter as much again has come. What is there by now stays for as
        # long as the process: not counted, what requests leave behind is looked at sooner, and costs less to look at.
        gc.freeze()
        return app

    def fail() -> None:
        nonlocal failed
        failed = True
        server.should_exit = True

    config = uvicorn.Config(
        create,
        factory=True,  # made inside the event loop that it will run in
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,  # trusted from FORWARDED_ALLOW_IPS only, by default the loopback address
        timeout_graceful_shutdown=2,  # after the 2 s of draining
        timeout_keep_alive=75,  # longer than the gateway keeps its connections, so that it is never the one surprised
    )
    server = DrainingServer(config)

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn handles them while it serves, and raises them once more when it is done: being told to stop, and
        # having stopped, is no failure.
        signal.signal(number, stop)
    server.run()
    sys.exit(int(failed or not server.started))
