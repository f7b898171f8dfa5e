"""`make run` for the second time: from the start of the command until the gateway and all services are ready.

A platform of its own, while the other one stands still. The floor is what is not ours: mongod and nats-server alone.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.bench import Bench, settings_in
from benchmarks.figures import Row, Target
from devkit.servers import Mongod, NatsServer, free_port
from marketplace.platform import Platform


async def measure(bench: Bench) -> list[Row]:
    rounds, floors = [], []
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_in(Path(folder), bench.platform.settings.mongo_driver)
        if not bench.smoke:  # which holds nothing against the figure, and takes a first start for a second
            async with Platform(settings):
                pass  # the first start makes databases, indexes, streams and keys
        for number in range(bench.rounds):
            bench.progress(f"round {number + 1} of {bench.rounds}")
            floors.append(await _servers_alone(Path(folder)))
            began = time.monotonic()
            async with Platform(settings):
                rounds.append(time.monotonic() - began)
    target = Target("ready within 4 s", "median", at_most=4)
    return [Row("second start", "s", rounds, floors, target)]


async def _servers_alone(folder: Path) -> float:
    mongod = Mongod(folder / "mongod", free_port(), log_path=folder / "floor-mongod.log")
    nats = NatsServer(folder / "nats", free_port(), log_path=folder / "floor-nats.log")
    began = time.monotonic()
    await asyncio.gather(mongod.start(), nats.start())
    took = time.monotonic() - began
    await asyncio.gather(mongod.stop(), nats.stop())
    return took
