"""Starts the two processes of the baseline, which is a minimal program with which we compare the platform.

The processes use the MongoDB and NATS servers of the platform. The first process runs benchmarks.baseline on uvicorn,
with uvloop and httptools. The second process runs benchmarks.baseline_consumers.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from devkit.servers import Server
from devkit.servers.process import ChildProcess
from marketplace.keys import TokenKeys
from marketplace.probes import http_status


class BaselineServer(Server):
    def __init__(  # noqa: PLR0913 - most arguments are keyword arguments
        self, port: int, folder: Path, *, mongo_url: str, nats_url: str, keys: TokenKeys, driver: str
    ) -> None:
        super().__init__("baseline", port, folder / "logs" / "baseline.log")
        self.consumers = ChildProcess("baseline-consumers", folder / "logs" / "baseline-consumers.log")
        self._variables = {
            "MONGO_URL": mongo_url,
            "NATS_URL": nats_url,
            "TOKEN_PUBLIC_KEY": keys.public,
            "MONGO_DRIVER": driver,
        }

    def command(self) -> list[str]:
        options = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
        return [sys.executable, "-m", "uvicorn", "benchmarks.baseline:app", "--port", str(self.port), *options]

    def environment(self) -> Mapping[str, str]:
        return os.environ | self._variables

    def start_consumers(self) -> None:
        self.consumers.spawn([sys.executable, "-m", "benchmarks.baseline_consumers"], self.environment())

    async def answers(self) -> bool:
        return await http_status(self.port, "/") is not None
