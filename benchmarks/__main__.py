"""`python -m benchmarks`: measure, show progress, end with one table and benchmarks/results.json."""

import asyncio
import json
import os
import platform
import sys
import tempfile
import time
import traceback
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.bench import Bench, a_bench
from benchmarks.figures import Row

# In the order of running: the list wants few tickets stored, and catch-up, which takes orders away, ends it.
ROWS = (
    "listing",
    "orders",
    "through_gateway",
    "hold",
    "one_ticket",
    "sold_out",
    "sign_in",
    "deadlines",
    "growth",
    "memory",
    "second_start",
    "catch_up",
)
_RESULTS = Path(__file__).parent / "results.json"
_COLUMNS = ("row", "median", "from, to", "unit", "floor", "ratio", "target", "met")

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def main(
    *,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Tiny numbers, one round, no targets, no results.json.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of: {', '.join(ROWS)}. May be repeated.")] = None,
    driver: Annotated[Literal["motor", "pymongo"], typer.Option(help="Of MongoDB.")] = "motor",
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Of each row; the table shows the median.")] = 3,
) -> None:
    """Load a platform that is started from scratch, row by row, beside the floor of each."""
    if unknown := set(only or []) - set(ROWS):
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(ROWS)}")
    began = time.monotonic()
    failed = asyncio.run(_run(only or list(ROWS), driver, 1 if smoke else rounds, smoke=smoke, whole=not only))
    console.print(f"{time.monotonic() - began:.0f} s, MongoDB by {driver}")
    raise typer.Exit(int(failed))


async def _run(names: list[str], driver: Literal["motor", "pymongo"], rounds: int, *, smoke: bool, whole: bool) -> bool:
    """True if a row could not be measured."""
    load_before = os.getloadavg()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    failed = False
    with Progress(*columns, console=console, transient=True) as bar, tempfile.TemporaryDirectory() as folder:
        task = bar.add_task("starting the platform", total=len(names))
        async with a_bench(
            Path(folder), driver=driver, rounds=rounds, smoke=smoke, progress=lambda _what: None
        ) as bench:
            for name in names:
                bench.progress = partial(_show, bar, task, name)
                bench.progress("…")
                try:
                    bench.rows += await import_module(f"benchmarks.rows.{name}").measure(bench)
                except Exception:  # noqa: BLE001 - the other rows are worth having all the same
                    failed = True
                    bar.console.print(f"{name} could not be measured:\n{traceback.format_exc()}", markup=False)
                bar.advance(task)
    console.print(_table(bench, smoke=smoke))
    if not smoke and whole:
        _RESULTS.write_text(json.dumps(_results(bench, driver, load_before), indent=2) + "\n", encoding="utf-8")
    return failed


def _show(bar: Progress, task: TaskID, name: str, what: str) -> None:
    bar.update(task, description=f"{name}: {what}")


def _table(bench: Bench, *, smoke: bool) -> Table:
    table = Table(*_COLUMNS, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in bench.rows:
        floor, ratio = _short(row.floor), _short(row.ratio)
        target = "" if smoke or row.target is None else row.target.text
        met = "" if smoke or row.met is None else ("met" if row.met else "MISSED")
        spread = f"{_short(min(row.rounds))}, {_short(max(row.rounds))}"
        table.add_row(row.what, _short(row.median), spread, row.unit, floor, ratio, target, met)
        for what, figure in row.notes.items():
            table.add_row(f"  [dim]{what}: {figure}[/]")
    return table


def _results(bench: Bench, driver: str, load_before: tuple[float, ...]) -> dict[str, Any]:
    return {
        "driver": driver,
        "rounds": bench.rounds,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average_before": load_before[0],
        "rows": [Row.to_json(row) for row in bench.rows],
    }


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits either way


if __name__ == "__main__":
    typer.run(main)
