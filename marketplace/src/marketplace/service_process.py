"""Runs one instance of a service as a child process of the platform."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.runtime.restore_check import RestoreNotDone
from common.runtime.service_spec import ServiceSpec
from devkit.servers import Server
from marketplace.keys import TokenKeys
from marketplace.probes import http_answer
from marketplace.registry import SERVICES
from marketplace.settings import PlatformSettings

_OK = 200


class ServiceProcess(Server):
    """One instance of a service, started by `python -m <package>`.

    The instance is ready when it answers a request for /healthz/ready with the status 200. It also counts as ready
    while it waits for an operator to run `marketplace restore-done`, because the command needs the running platform.
    """

    start_seconds = 60.0

    def __init__(self, name: str, package: str, port: int, *, log_path: Path, environment: Mapping[str, str]) -> None:
        super().__init__(name, port, log_path)
        self.package = package
        self._environment = environment

    def command(self) -> list[str]:
        # With -P, Python does not look for the package in the working directory. Otherwise, if this directory contained
        # a file with the name of the package, such as orders.py, this file would run instead of the service.
        return [sys.executable, "-P", "-m", self.package]

    def environment(self) -> Mapping[str, str]:
        return self._environment

    async def answers(self) -> bool:
        await self.try_connection()
        answer = await http_answer(self.port, "/healthz/ready")
        return answer is not None and (answer.status_code == _OK or RestoreNotDone.code in answer.text)


def service_environment(
    spec: ServiceSpec, port: int, settings: PlatformSettings, keys: TokenKeys, addresses: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment variables of a service. They contain no secrets of other services.

    `addresses` contains the variables MONGO_URL and NATS_URL.
    """
    known = _known_to_the_platform(spec.name, port, settings, keys) | dict(addresses)
    return variables_for(spec, known) | {"PYTHONUNBUFFERED": "1"}  # Python then writes each log line immediately


def variables_for(
    spec: ServiceSpec, known: Mapping[str, str], services: Sequence[ServiceSpec] = SERVICES
) -> dict[str, str]:
    """Return the environment variables with which to start the process of the service `spec`.

    Each setting of the service is an environment variable. Its value comes from `known`. If it is not in `known`, it
    comes from the environment of the current process, which starts the service. The result also contains all variables
    of the current process that are not a setting of any service, such as PATH. It does not contain the settings that
    only other services have, because these may be secrets.
    """
    own, of_any_service = _settings_of(spec), set[str]().union(*map(_settings_of, services))
    inherited = own - known.keys()
    return {
        **{name: value for name, value in os.environ.items() if name in inherited or name not in of_any_service},
        **{name: value for name, value in known.items() if name in own and value},
    }


def _settings_of(spec: ServiceSpec) -> set[str]:
    return {field.upper() for field in spec.settings.model_fields}


def _known_to_the_platform(service: str, port: int, settings: PlatformSettings, keys: TokenKeys) -> dict[str, str]:
    """Return the environment variables whose values the platform itself determines.

    variables_for() passes to a service only those that are its settings. If the value of a variable is empty, the
    service does not get this variable, and uses its own default.
    """
    return {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MONGO_DATABASE": service,
        "MONGO_DRIVER": settings.mongo_driver,
        "LOG_LEVEL": settings.log_level,
        "LOG_FORMAT": settings.log_format,
        "TOKEN_PUBLIC_KEY": keys.public,
        "TOKEN_PRIVATE_KEY": keys.private,
        "ORDER_WINDOW_SECONDS": str(settings.order_window_seconds),
        "HOLD_EXTENSIONS": str(settings.hold_extensions),
        "STRIPE_KEY": settings.stripe_keys.get("STRIPE_KEY", ""),
        "STRIPE_PUBLISHABLE_KEY": settings.stripe_keys.get("STRIPE_PUBLISHABLE_KEY", ""),
        "STRIPE_API_BASE": settings.stripe_api_base or "",
        "LIVE_PAGE": settings.live_page,
    }
