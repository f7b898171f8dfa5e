"""Runs a service in its own process, as in production.

The service gets all its settings from environment variables.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from common.runtime.service_spec import ServiceSpec
from common.storage.mongo import MongoDriver
from devkit.servers.ports import free_port
from devkit.servers.server import Server
from devkit.testing.keys import KeyPair

_OK = 200


class ServiceProcess(Server):
    """The process of a service, started with the command `python -m <name>`.

    `start` returns when the process answers /healthz/live. At this time, the service may still wait for its database or
    for the broker, so it may not be ready for requests yet.
    """

    def __init__(self, spec: ServiceSpec, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(spec.name, free_port(), folder / f"{spec.name}.log")
        self.url = f"http://127.0.0.1:{self.port}"
        # We do not pass the service settings from the environment of the test process to the new process. Otherwise a
        # test could not notice that `environment` lacks a setting that the service needs.
        inherited = {key: value for key, value in os.environ.items() if key.lower() not in spec.settings.model_fields}
        self._environment = {**inherited, "PYTHONUNBUFFERED": "1", "PORT": str(self.port), **environment}

    def command(self) -> list[str]:
        # Without -P, Python could import a folder of the working directory that has the same name as the package.
        return [sys.executable, "-P", "-m", self.name]

    def environment(self) -> Mapping[str, str]:
        return self._environment

    async def answers(self) -> bool:
        return (await self.get("/healthz/live")).status_code == _OK

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url, timeout=10) as client:
            try:
                return await client.get(path)
            except httpx.TransportError as error:
                raise OSError(str(error)) from error

    def log_lines(self) -> list[dict[str, Any]]:
        """Return the lines that the service has written to its log. Fail if a line is not a JSON object."""
        lines = [json.loads(line) for line in self.log_path.read_text(encoding="utf-8").splitlines()]
        assert all(isinstance(line, dict) for line in lines), lines  # noqa: S101 - this is a test helper
        return lines


def environment_of(
    spec: ServiceSpec, *, mongo_url: str, nats_url: str, keys: KeyPair, driver: MongoDriver = "motor"
) -> dict[str, str]:
    """Return the environment variables for this service. Leave out the variables that the service does not know."""
    known = {
        "MONGO_URL": mongo_url,
        "MONGO_DRIVER": driver,
        "NATS_URL": nats_url,
        "TOKEN_PUBLIC_KEY": keys.public,
        "TOKEN_PRIVATE_KEY": keys.private,
    }
    return {name: value for name, value in known.items() if name.lower() in spec.settings.model_fields}
