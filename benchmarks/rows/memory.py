"""What the services hold in memory (RSS, together): just started, and after the rows before this one.

The floor is five times what the floor of the orders holds at the same moment: a bare program with the same clients.
Idle is measured of platforms that are started for it. Only one has the rows before behind it: it is read after them,
and after each of some more rounds of orders, buyers of one ticket and sign-ins (its floor: of orders).
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median_low

from benchmarks.bench import Bench, a_bench
from benchmarks.figures import Row, Target
from benchmarks.processes import resident, resident_of
from benchmarks.rows import one_ticket, sign_in
from benchmarks.rows.orders import round_of_floor
from marketplace.registry import SERVICE_NAMES

Held = list[dict[str, float]]
"""MiB of each service, each time that they were read."""


async def measure(bench: Bench) -> list[Row]:
    after, floors_after = [resident(bench.platform)], [resident_of(bench.floor.pid)]
    idle, idle_floors = [bench.idle_memory], [bench.idle_floor]
    readings = max(bench.rounds, 2)  # a smoke run, too, is to show that there can be a second
    for number in range(1, readings):
        bench.progress(f"reading {number + 1} of {readings}: orders, buyers and sign-ins")
        await _more_of_the_same(replace(bench, rounds=1))
        after.append(resident(bench.platform))
        floors_after.append(resident_of(bench.floor.pid))
        with tempfile.TemporaryDirectory() as folder:
            driver = bench.platform.settings.mongo_driver
            async with a_bench(Path(folder), driver=driver, rounds=1, smoke=bench.smoke) as another:
                idle.append(another.idle_memory)
                idle_floors.append(another.idle_floor)
    return [
        _row("memory, idle", idle, idle_floors, 350),
        _row("memory, after the run", after, floors_after, 450),
    ]


async def _more_of_the_same(bench: Bench) -> None:
    await one_ticket.measure(bench)  # which places other orders, too
    await sign_in.measure(bench)
    await round_of_floor(bench, bench.size(1000, 40))


def _row(what: str, held: Held, floors: list[float], at_most: float) -> Row:
    target = Target(f"at most {at_most:.0f} MiB", "median", at_most=at_most)
    together = [sum(each.values()) for each in held]
    shown = held[together.index(median_low(together))]
    notes = {
        "of these": ", ".join(f"{service} {mib:.0f}" for service, mib in shown.items()),
        "in the order of reading": ", ".join(f"{mib:.0f}" for mib in together),
    }
    return Row(what, "MiB", together, [mib * len(SERVICE_NAMES) for mib in floors], target, notes)
