"""What the five services hold in memory (RSS, together): just started, and after the rows before this one."""

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.processes import resident


async def measure(bench: Bench) -> list[Row]:
    after = resident(bench.platform)
    notes = {"of these": ", ".join(f"{service} {mib:.0f}" for service, mib in after.items())}
    whole = sum(after.values())
    return [
        Row("memory, idle", "MiB", [bench.idle_memory], (), Target("at most 350 MiB", "median", at_most=350)),
        Row(
            "memory, after the run",
            "MiB",
            [whole],
            (),
            Target("at most 450 MiB", "median", at_most=450),
            notes,
        ),
    ]
