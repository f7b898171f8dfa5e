"""Measures how long a platform takes to start with existing data, until the gateway and all services are ready.

For this measurement, we start a separate platform several times with the same data. We do not measure the first start,
because there is no data yet. The platform of the other measurements is idle during this time. We compare the result
with the time that the two servers mongod and nats-server need to start, without the services and the gateway.
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
    rounds, baselines = [], []
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_in(Path(folder), bench.platform.settings.mongo_driver)
        # A smoke run only tests this code, so it does not need the additional first start.
        if not bench.smoke:
            async with Platform(settings):
                pass  # this first start creates the databases, indexes, streams and keys
        for number in range(bench.rounds):
            bench.progress(f"round {number + 1} of {bench.rounds}")
            baselines.append(await _servers_alone(Path(folder)))
            began = time.monotonic()
            async with Platform(settings):
                rounds.append(time.monotonic() - began)
    target = Target("ready within 3 s", "median", at_most=3)
    return [Row("second start", "s", rounds, baselines, target)]


async def _servers_alone(folder: Path) -> float:
    mongod = Mongod(folder / "mongod", free_port(), log_path=folder / "baseline-mongod.log")
    nats = NatsServer(folder / "nats", free_port(), log_path=folder / "baseline-nats.log")
    began = time.monotonic()
    await asyncio.gather(mongod.start(), nats.start())
    took = time.monotonic() - began
    await asyncio.gather(mongod.stop(), nats.stop())
    return took
