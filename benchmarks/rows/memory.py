"""What the five services hold in memory (RSS, together): just started, and after the rows before this one."""

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.resident import resident, resident_by_service


async def measure(bench: Bench) -> list[Row]:
    after, each = resident(bench.platform), resident_by_service(bench.platform)
    notes = {service: f"{mib:.0f} MiB" for service, mib in each.items()}
    return [
        Row("memory, idle", "MiB", [bench.idle_memory], (), Target("at most 350 MiB", "median", at_most=350)),
        Row("memory, after the run", "MiB", [after], (), Target("at most 450 MiB", "median", at_most=450), notes),
    ]
