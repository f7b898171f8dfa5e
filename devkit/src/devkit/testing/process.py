"""Runs a service as in production: in its own process, configured only by its environment."""

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
    """`python -m <name>`. It counts as started when it is alive, which can be before it is ready."""

    def __init__(self, spec: ServiceSpec, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(spec.name, free_port(), folder / f"{spec.name}.log")
        self.url = f"http://127.0.0.1:{self.port}"
        # Without the settings of this process: they would hide that a setting of the service is missing.
        inherited = {key: value for key, value in os.environ.items() if key.lower() not in spec.settings.model_fields}
        self._environment = {**inherited, "PYTHONUNBUFFERED": "1", "PORT": str(self.port), **environment}

    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", self.name]  # -P: a folder of that name here is not the package

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
        """The lines of its log so far. Fails if a line is not a JSON object."""
        lines = [json.loads(line) for line in self.log_path.read_text(encoding="utf-8").splitlines()]
        assert all(isinstance(line, dict) for line in lines), lines  # noqa: S101 - this is a test helper
        return lines


def environment_of(
    spec: ServiceSpec, *, mongo_url: str, nats_url: str, keys: KeyPair, driver: MongoDriver = "motor"
) -> dict[str, str]:
    """Return the settings that this service needs, and no others."""
    known = {
        "MONGO_URL": mongo_url,
        "MONGO_DRIVER": driver,
        "NATS_URL": nats_url,
        "TOKEN_PUBLIC_KEY": keys.public,
        "TOKEN_PRIVATE_KEY": keys.private,
    }
    return {name: value for name, value in known.items() if name.lower() in spec.settings.model_fields}
