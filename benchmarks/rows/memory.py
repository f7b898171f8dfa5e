"""What the five services hold in memory (RSS, together): just started, and after the rows before this one.

The floor is five times what the floor of the orders holds at the same moment: a bare program with the same clients.
Idle is measured of platforms that are started for it; what the rows before have left behind, there is only once.
"""

import tempfile
from pathlib import Path

from benchmarks.bench import Bench, settings_in
from benchmarks.figures import Row, Target
from benchmarks.processes import resident, resident_of
from marketplace.platform import Platform
from marketplace.settings import SERVICES


async def measure(bench: Bench) -> list[Row]:
    after = resident(bench.platform)
    floor_after = resident_of(bench.floor.pid)
    idle = [bench.idle_memory]
    for _ in range(bench.rounds - 1):
        with tempfile.TemporaryDirectory() as folder:
            async with Platform(settings_in(Path(folder), bench.platform.settings.mongo_driver)) as another:
                idle.append(resident(another))
    return [
        _row("memory, idle", idle, bench.idle_floor, 350),
        _row("memory, after the run", [after], floor_after, 450),
    ]


def _row(what: str, held: list[dict[str, float]], floor: float, at_most: float) -> Row:
    target = Target(f"at most {at_most:.0f} MiB", "median", at_most=at_most)
    notes = {"of these": ", ".join(f"{service} {mib:.0f}" for service, mib in held[0].items())}
    return Row(what, "MiB", [sum(each.values()) for each in held], [floor * len(SERVICES)], target, notes)
