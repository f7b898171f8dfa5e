"""`python -m benchmarks`: runs all measurements, and prints the results as a table.

It also writes the results to the file results.json, and draws plots.
"""

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

from benchmarks.bench import open_bench
from benchmarks.figures import Row
from benchmarks.plots import Plot
from benchmarks.report import notes_of, table_of, write_results
from common.storage.mongo import MongoDriver

# Each name is a module in benchmarks.rows, which measures one or more rows of the result table. We run the modules in
# this order. `listing` is the first module, because it needs an almost empty database. `catch_up` is the last module,
# because it stops the orders service, and leaves many tickets in the database of this service.
ROWS = (
    "listing",
    "pages",
    "live_pages",
    "orders",
    "beside_storefront",
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
_ROWS_WITH_OTHER_DRIVER = ("orders",)
"""A full run (without --smoke and --only) measures these rows a second time, with the other MongoDB driver.

The platform can use two drivers, motor and pymongo. So the result table shows these rows for each driver.
"""
_RESULTS = Path(__file__).parent

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def main(
    *,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Run each row once with small numbers, without targets and files.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of: {', '.join(ROWS)}. May be repeated.")] = None,
    driver: Annotated[Literal["motor", "pymongo"], typer.Option(help="The MongoDB driver.")] = "motor",
    rounds: Annotated[
        int, typer.Option(min=1, max=20, help="Rounds per row; the table shows the median of the rounds.")
    ] = 3,
    into: Annotated[
        Path | None, typer.Option(help="Folder for results.json and the plots. A full run writes to benchmarks/.")
    ] = None,
) -> None:
    """Start a new platform, run the measurements one after the other, and print a table of the results.

    The table compares each result with a baseline. In most cases, this is a minimal program that does the same work.
    """
    if unknown := set(only or []) - set(ROWS):
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(ROWS)}")
    began, load_before = time.monotonic(), os.getloadavg()[0]
    run = partial(_run, rounds=1 if smoke else rounds, smoke=smoke)
    rows, plots, failed = asyncio.run(run(list(dict.fromkeys(only or ROWS)), driver))
    if whole := not only and not smoke:
        (other,) = set(get_args(MongoDriver)) - {driver}
        other_rows, _, other_failed = asyncio.run(run(_ROWS_WITH_OTHER_DRIVER, other))
        rows += [replace(row, what=f"{row.what} ({other})") for row in other_rows]
        failed += [f"{name} ({other})" for name in other_failed]
    console.print(table_of(rows, smoke=smoke))
    console.print("\n".join(notes_of(rows, smoke=smoke)), markup=False, end="\n\n")
    seconds = time.monotonic() - began
    console.print(f"{seconds:.0f} s, MongoDB driver {driver}, load average at the start: {load_before:.1f}")
    if failed:
        console.print(f"NOT MEASURED (see the tracebacks above the table): {', '.join(failed)}")
    about = {
        "driver": driver,
        "rounds": 1 if smoke else rounds,
        "seconds": round(seconds),
        "load_average_before": round(load_before, 2),
        "not_measured": failed,
    }
    # Every run writes its results, so a smoke run also tests `write_results`. But without the option `--into`, only a
    # full run (without --smoke and --only) keeps its results.
    with tempfile.TemporaryDirectory() as discarded:
        folder = into or (_RESULTS if whole else Path(discarded))
        write_results(rows, plots, folder=folder, run=about)
    raise typer.Exit(int(bool(failed)))


async def _run(
    names: Sequence[str], driver: MongoDriver, *, rounds: int, smoke: bool
) -> tuple[list[Row], list[Plot], list[str]]:
    """Start a platform, and run the modules of benchmarks.rows with these names.

    Each module measures one or more rows of the result table. Return these rows, the plots, and the names of the
    modules that failed.
    """
    rows: list[Row] = []
    failed: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar, tempfile.TemporaryDirectory() as folder:
        task = bar.add_task("starting the platform", total=len(names))
        async with open_bench(Path(folder), driver=driver, rounds=rounds, smoke=smoke) as bench:
            for name in names:
                bench.progress = partial(_show, bar, task, name)
                bench.progress("…")
                try:
                    rows += await import_module(f"benchmarks.rows.{name}").measure(bench)
                except Exception:  # noqa: BLE001 - if one row fails, we still measure the other rows
                    failed.append(name)
                    bar.console.print(f"{name} could not be measured:\n{traceback.format_exc()}", markup=False)
                bar.advance(task)
            plots = bench.plots
    return rows, plots, failed


def _show(bar: Progress, task: TaskID, name: str, what: str) -> None:
    bar.update(task, description=f"{name}: {what}")


if __name__ == "__main__":
    typer.run(main)
