"""What the five services hold in memory (RSS, together): just started, and after the rows before this one."""

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.processes import resident


async def measure(bench: Bench) -> list[Row]:
    return [
        _row("memory, idle", bench.idle_memory, 350),
        _row("memory, after the run", resident(bench.platform), 450),
    ]


def _row(what: str, held: dict[str, float], at_most: float) -> Row:
    target = Target(f"at most {at_most:.0f} MiB", "median", at_most=at_most)
    notes = {"of these": ", ".join(f"{service} {mib:.0f}" for service, mib in held.items())}
    return Row(what, "MiB", [sum(held.values())], (), target, notes)
