"""Starting a service that will kill itself at a chosen moment."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from devkit.servers import free_port
from faults.moments import LAST_WORDS
from faults.world import World
from marketplace.keys import load_or_create_keys
from marketplace.registry import service
from marketplace.service import Service, service_environment


class DyingService(Service):
    """One more instance of a service of this platform, at a port of its own, that the gateway does not know."""

    def __init__(self, world: World, package: str, moment: str, what: str) -> None:
        settings = world.platform.settings
        keys = load_or_create_keys(settings.data_dir / "keys")
        addresses = {"MONGO_URL": world.platform.mongo_url, "NATS_URL": world.platform.nats_url}
        port = free_port()
        environment = service_environment(service(package), port, settings, keys, addresses)
        name = f"dying-{package}-{port}"
        super().__init__(name, package, port, log_path=settings.logs / f"{name}.log", environment=environment)
        self.url = f"http://127.0.0.1:{port}"
        self._arguments = [package, moment, what]

    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", "faults.dying_service", *self._arguments]

    def environment(self) -> Mapping[str, str]:
        ours = str(Path(__file__).parents[1])
        inherited = super().environment()
        return {**inherited, "PYTHONPATH": os.pathsep.join(filter(None, (ours, inherited.get("PYTHONPATH"))))}

    def died_of(self) -> str | None:
        """The subject of the event; None if it did not come to the moment."""
        words = [line for line in self.last_lines(20).splitlines() if line.startswith(LAST_WORDS)]
        return str(json.loads(words[-1].removeprefix(LAST_WORDS))) if words and not self.is_running else None
