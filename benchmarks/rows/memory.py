"""Measures the memory (RSS) of all services together, right after the start and after the earlier measurements.

The result table has two rows for this. For the row "memory, idle", we start several platforms, and read the memory of
each platform right after its start. For the row "memory, after the run", we read the memory of one platform several
times. This is the platform with which all earlier measurements were made. We make the first reading immediately. Before
each further reading, we send more orders for different tickets, more orders for one single ticket, and more sign-ins.

We compare this memory with the memory of one process of the baseline program (a minimal program that also places
orders), multiplied by the number of services, because each service is one process. Before each further reading, we also
send more orders to the baseline program.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median_low

from benchmarks.bench import Bench, open_bench
from benchmarks.figures import Row, Target
from benchmarks.processes import resident, resident_of
from benchmarks.rows import one_ticket, sign_in
from benchmarks.rows.orders import round_of_baseline
from marketplace.registry import SERVICE_NAMES

Held = list[dict[str, float]]
"""A list of readings. Each reading maps the name of each service to the memory that it holds (uses), in MiB."""


async def measure(bench: Bench) -> list[Row]:
    after, baselines_after = [resident(bench.platform)], [resident_of(bench.baseline.pid)]
    idle, idle_baselines = [bench.idle_memory], [bench.idle_baseline]
    # A smoke run is a short run that only tests this code. It has only one round, but must also test the loop below.
    readings = max(bench.rounds, 2)
    for number in range(1, readings):
        bench.progress(f"reading {number + 1} of {readings}: orders, buyers and sign-ins")
        await _more_load(replace(bench, rounds=1))
        after.append(resident(bench.platform))
        baselines_after.append(resident_of(bench.baseline.pid))
        with tempfile.TemporaryDirectory() as folder:
            driver = bench.platform.settings.mongo_driver
            async with open_bench(Path(folder), driver=driver, rounds=1, smoke=bench.smoke) as another:
                idle.append(another.idle_memory)
                idle_baselines.append(another.idle_baseline)
    return [
        _row("memory, idle", idle, idle_baselines, 450),
        _row("memory, after the run", after, baselines_after, 450),
    ]


async def _more_load(bench: Bench) -> None:
    await one_ticket.measure(bench)  # sends orders for different tickets, and then many orders for one ticket
    await sign_in.measure(bench)
    await round_of_baseline(bench, bench.size(1000, 40))


def _row(what: str, held: Held, baselines: list[float], at_most: float) -> Row:
    target = Target(f"at most {at_most:.0f} MiB", "median", at_most=at_most)
    together = [sum(each.values()) for each in held]
    shown = held[together.index(median_low(together))]
    notes = {
        "per service": ", ".join(f"{service} {mib:.0f}" for service, mib in shown.items()),
        "readings in order": ", ".join(f"{mib:.0f}" for mib in together),
    }
    return Row(what, "MiB", together, [mib * len(SERVICE_NAMES) for mib in baselines], target, notes)
