"""`python -m faults`: runs the scenarios and prints one table; exit status 1 if a promise was broken."""

import asyncio
import secrets
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from common.domain.clock import utc_now
from faults.context import ScenarioContext, Setup, open_context
from faults.scenario import Outcome, Scenario

# In the order of the promises in docs/reliability.md.
SCENARIOS = (
    "double_sale",
    "lost_event",
    "replay",
    "crash_points",
    "poison",
    "late_payment",
    "timers",
    "outage",
    "paused_consumer",
    "graceful_stop",
    "live_pages",
    "full_disk",
    "nats_cluster",
    "failover",
    "cut_off_primary",
)

_MOST_ERRORS = 5
_COLUMNS = ("promise", "done", "injected", "checked", "figures", "s")

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def main(
    seed: Annotated[int | None, typer.Option(help="The seed of an earlier run, to repeat its random choices.")] = None,
    short: Annotated[
        bool, typer.Option("--short", help="Smaller numbers, the same checks. `make test-faults-short` runs it.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of: {', '.join(SCENARIOS)}. May be repeated.")] = None,
) -> None:
    """Inject faults into a running platform, and check every promise afterwards."""
    if unknown := set(only or []) - set(SCENARIOS):
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(SCENARIOS)}")
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    console.print(f"seed {seed}" + (", short" if short else ""))
    asyncio.run(_run(only or [], Report(), seed, short=short))


@dataclass
class Report:
    table: Table = field(default_factory=lambda: Table(*_COLUMNS, box=box.SIMPLE_HEAD, pad_edge=False))
    broken: list[str] = field(default_factory=list)

    def add(self, name: str, outcome: Outcome, seconds: float) -> None:
        figures = "\n".join(f"{what}: {figure}" for what, figure in outcome.figures.items())
        texts = (name, outcome.done, outcome.injected, outcome.checked, figures, f"{seconds:.0f}")
        self.table.add_row(*texts, end_section=True)


@dataclass(frozen=True)
class Run:
    name: str
    scenario: Scenario
    setup: Setup


def _runs(names: list[str], seed: int, *, short: bool) -> Iterator[Run]:
    """Yield the scenarios (without names: all) with this seed, and those that need more seeds with the next ones."""
    scenarios: list[Scenario] = [import_module(f"faults.{name}").SCENARIO for name in names or SCENARIOS]
    if sys.platform != "linux":
        left_out = [each.name for each in scenarios if each.linux_only]
        console.print(f"left out, because they need Linux: {', '.join(left_out) or 'nothing'}")
        scenarios = [each for each in scenarios if not each.linux_only]
    for number in range(1 if short else max((each.seeds for each in scenarios), default=0)):
        for each in scenarios:
            if number < each.seeds:
                name = f"{each.name}, seed {seed + number}" if each.seeds > 1 else each.name
                setup = Setup(each.instances, each.order_window_seconds, each.start_servers, seed + number, short)
                yield Run(name, each, setup)


async def _run(names: list[str], report: Report, seed: int, *, short: bool) -> None:
    runs = list(_runs(names, seed, short=short))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        # Consecutive runs with the same setup share a platform: its start takes longer than many scenarios.
        for setup, group in groupby(runs, lambda run: run.setup):
            with tempfile.TemporaryDirectory() as folder:
                async with open_context(Path(folder), setup) as context:
                    for run in group:
                        await _play(run, context, bar, report)
    console.print(report.table)
    for each in report.broken:
        console.print(f"BROKEN  {each}", markup=False)
    console.print(f"{len(runs) - len(report.broken)} promises kept, {len(report.broken)} broken; seed {seed}")
    raise typer.Exit(int(bool(report.broken)))


async def _play(run: Run, context: ScenarioContext, bar: Progress, report: Report) -> None:
    task = bar.add_task(run.name, total=None)
    context.progress = lambda done, total: bar.update(task, completed=done, total=total)
    began, since = time.monotonic(), utc_now()
    verdict = "kept"
    try:
        outcome = await run.scenario.run(context)
    except AssertionError as error:  # PromiseBroken, or a timeout of `eventually`
        _show_errors(context, since, bar)
        report.broken.append(f"{run.name}: {error}")
        outcome, verdict = Outcome("", "", f"BROKEN: {error}"), "broken"
    except Exception:  # noqa: BLE001 - any other failure counts as a broken promise; the other scenarios still run
        _show_errors(context, since, bar)
        bar.console.print(traceback.format_exc(), markup=False)
        report.broken.append(f"{run.name}: the scenario itself failed")
        outcome, verdict = Outcome("", "", "FAILED: see the traceback above"), "broken"
    seconds = time.monotonic() - began
    report.add(run.name, outcome, seconds)
    bar.remove_task(task)
    bar.console.print(f"{run.name}: {verdict}, {seconds:.0f} s")


def _show_errors(context: ScenarioContext, since: datetime, bar: Progress) -> None:
    for logged in context.logged_errors(since)[-_MOST_ERRORS:]:
        bar.console.print(logged, markup=False)


if __name__ == "__main__":
    typer.run(main)
