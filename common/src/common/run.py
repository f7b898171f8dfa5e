"""Serving a service's application with uvicorn."""

from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from common.logging import configure_logging
from common.settings import ServiceSettings


def serve(name: str, settings: ServiceSettings, create_app: Callable[[], FastAPI]) -> None:
    """Return when the process has been told to stop and has stopped in good order."""
    configure_logging(name, settings.log_level, settings.log_format)
    uvicorn.run(
        create_app,
        factory=True,  # made inside the event loop that it will run in
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,  # trusted from FORWARDED_ALLOW_IPS only, by default the loopback address
        timeout_graceful_shutdown=4,
        timeout_keep_alive=75,  # longer than the gateway keeps its connections, so that it is never the one surprised
    )
