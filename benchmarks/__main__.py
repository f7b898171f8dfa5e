"""`python -m benchmarks`: measure, show progress, end with one table, benchmarks/results.json and the plots."""

import asyncio
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks.bench import a_bench
from benchmarks.figures import Row
from benchmarks.plots import Plot
from benchmarks.report import keep, notes_of, table_of
from common.storage.mongo import MongoDriver

# In the order of running: the list wants few tickets stored, and catch-up, which takes orders away, ends it.
ROWS = (
    "listing",
    "orders",
    "concurrency",
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
_WITH_THE_OTHER_DRIVER = ("orders",)
"""Of a whole run, so that its table shows both beside each other."""
_RESULTS = Path(__file__).parent

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def main(
    *,
    smoke: Annotated[bool, typer.Option("--smoke", help="Tiny numbers, one round, no targets, no file kept.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of: {', '.join(ROWS)}. May be repeated.")] = None,
    driver: Annotated[Literal["motor", "pymongo"], typer.Option(help="Of MongoDB.")] = "motor",
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Of most rows; the table shows the median.")] = 3,
    into: Annotated[
        Path | None, typer.Option(help="Folder for results.json and the plots; of a whole run: benchmarks.")
    ] = None,
) -> None:
    """Load a platform that is started from scratch, row by row, beside the floor of each."""
    if unknown := set(only or []) - set(ROWS):
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(ROWS)}")
    began, load_before = time.monotonic(), os.getloadavg()[0]
    run = partial(_run, rounds=1 if smoke else rounds, smoke=smoke)
    rows, plots, failed = asyncio.run(run(list(dict.fromkeys(only or ROWS)), driver))
    if whole := not only and not smoke:
        (other,) = set(get_args(MongoDriver)) - {driver}
        more, _, failed_too = asyncio.run(run(_WITH_THE_OTHER_DRIVER, other))
        rows += [replace(row, what=f"{row.what} ({other})") for row in more]
        failed += [f"{name} ({other})" for name in failed_too]
    console.print(table_of(rows, smoke=smoke))
    console.print("\n".join(notes_of(rows, smoke=smoke)), markup=False, end="\n\n")
    seconds = time.monotonic() - began
    console.print(f"{seconds:.0f} s, MongoDB by {driver}, load average before: {load_before:.1f}")
    if failed:
        console.print(f"NOT MEASURED, for the reasons above the table: {', '.join(failed)}")
    about = {
        "driver": driver,
        "rounds": 1 if smoke else rounds,
        "seconds": round(seconds),
        "load_average_before": round(load_before, 2),
        "not_measured": failed,
    }
    with tempfile.TemporaryDirectory() as nowhere:  # so that every run shows that its results can be written
        folder = into or (_RESULTS if whole else Path(nowhere))
        keep(rows, plots, folder=folder, run=about)
    raise typer.Exit(int(bool(failed)))


async def _run(
    names: Sequence[str], driver: MongoDriver, *, rounds: int, smoke: bool
) -> tuple[list[Row], list[Plot], list[str]]:
    """Every row that could be measured, what they have drawn, and the names of those that could not be measured."""
    rows: list[Row] = []
    failed: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar, tempfile.TemporaryDirectory() as folder:
        task = bar.add_task("starting the platform", total=len(names))
        async with a_bench(Path(folder), driver=driver, rounds=rounds, smoke=smoke) as bench:
            for name in names:
                bench.progress = partial(_show, bar, task, name)
                bench.progress("…")
                try:
                    rows += await import_module(f"benchmarks.rows.{name}").measure(bench)
                except Exception:  # noqa: BLE001 - the other rows are worth having all the same
                    failed.append(name)
                    bar.console.print(f"{name} could not be measured:\n{traceback.format_exc()}", markup=False)
                bar.advance(task)
            plots = bench.plots
    return rows, plots, failed


def _show(bar: Progress, task: TaskID, name: str, what: str) -> None:
    bar.update(task, description=f"{name}: {what}")


if __name__ == "__main__":
    typer.run(main)
