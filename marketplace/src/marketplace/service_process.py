"""One instance of a service as a child process."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from devkit.servers import Server
from marketplace.keys import TokenKeys
from marketplace.probes import http_status
from marketplace.settings import PlatformSettings

_OK = 200
_NOT_INHERITED = {
    *("HOST", "PORT", "MONGO_URL", "MONGO_DATABASE", "MONGO_DRIVER", "NATS_URL", "LOG_LEVEL", "LOG_FORMAT"),
    *("TOKEN_PUBLIC_KEY", "TOKEN_PRIVATE_KEY", "ORDER_WINDOW_SECONDS", "STRIPE_KEY", "STRIPE_API_BASE"),
}


class ServiceProcess(Server):
    """Runs `python -m <package>`. It is ready when /healthz/ready answers with 200."""

    start_seconds = 60.0

    def __init__(self, name: str, package: str, port: int, *, log_path: Path, environment: Mapping[str, str]) -> None:
        super().__init__(name, port, log_path)
        self.package = package
        self._environment = environment

    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", self.package]  # -P: import no folder of that name in the working directory

    def environment(self) -> Mapping[str, str]:
        return self._environment

    async def answers(self) -> bool:
        await self.try_connection()
        return await http_status(self.port, "/healthz/ready") == _OK


def service_environment(
    service: str, port: int, settings: PlatformSettings, keys: TokenKeys, addresses: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment variables of a service, without secrets of other services.

    `addresses` contains MONGO_URL and NATS_URL.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED} | {
        "PYTHONUNBUFFERED": "1",  # its output goes to a file, which must have each line at once
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MONGO_DATABASE": service,
        "MONGO_DRIVER": settings.mongo_driver,
        **addresses,
        "LOG_LEVEL": settings.log_level,
        "LOG_FORMAT": settings.log_format,
    }
    if service != "expiration":
        environment["TOKEN_PUBLIC_KEY"] = keys.public
    if service == "auth":
        environment["TOKEN_PRIVATE_KEY"] = keys.private
    if service == "orders":
        environment["ORDER_WINDOW_SECONDS"] = str(settings.order_window_seconds)
    if service == "payments":
        if settings.stripe_key:
            environment["STRIPE_KEY"] = settings.stripe_key.get_secret_value()
        if settings.stripe_api_base:
            environment["STRIPE_API_BASE"] = settings.stripe_api_base
    return environment
