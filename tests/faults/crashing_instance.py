"""Starts an instance of a service that kills itself at a chosen moment."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devkit.servers import free_port
from faults.context import ScenarioContext
from faults.crash_moments import CRASH_LINE
from marketplace.keys import load_or_create_keys
from marketplace.registry import service
from marketplace.service_process import ServiceProcess, service_environment


@dataclass(frozen=True)
class CrashedAt:
    """The event, or timer, at which an instance crashed."""

    subject: str
    event_id: str


class CrashingInstance(ServiceProcess):
    """One more instance of a service of this platform, on its own port. The gateway sends it no requests."""

    def __init__(self, context: ScenarioContext, package: str, moment: str, what: str) -> None:
        settings = context.platform.settings
        keys = load_or_create_keys(settings.data_dir / "keys")
        addresses = {"MONGO_URL": context.platform.mongo_url, "NATS_URL": context.platform.nats_url}
        port = free_port()
        environment = service_environment(service(package), port, settings, keys, addresses)
        name = f"crashing-{package}-{port}"
        super().__init__(name, package, port, log_path=settings.logs / f"{name}.log", environment=environment)
        self.url = f"http://127.0.0.1:{port}"
        self._arguments = [package, moment, what]

    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", "faults.crashing_service", *self._arguments]

    def environment(self) -> Mapping[str, str]:
        ours = str(Path(__file__).parents[1])
        inherited = super().environment()
        return {**inherited, "PYTHONPATH": os.pathsep.join(filter(None, (ours, inherited.get("PYTHONPATH"))))}

    def crashed_at(self) -> CrashedAt | None:
        """Return the event at which it crashed; None if it runs, or ended for another reason."""
        words = [line for line in self.last_lines(20).splitlines() if line.startswith(CRASH_LINE)]
        return CrashedAt(*json.loads(words[-1].removeprefix(CRASH_LINE))) if words and not self.is_running else None
