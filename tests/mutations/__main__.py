"""`python -m mutations`: apply the mutations one by one, and see whether their tests fail; status 1 if one survives."""

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mutations.catalog import MUTATIONS
from mutations.changed import changed_since
from mutations.document import write_documents
from mutations.mutation import Mutation
from mutations.outcome import Outcome, Verdict, run_tests, try_mutation
from mutations.scratch import REPOSITORY, ScratchCopy

_WORKERS = 2
_BASELINE_SECONDS = 900
_MUTATION_SECONDS = 180

console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 160)


def main(
    *,
    only: Annotated[
        str | None, typer.Option(help="Names of mutations, or parts of names, separated by commas.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="A git revision: only mutations of code that has changed since then.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="So many of the quick ones; another choice each day.")
    ] = None,
    document: Annotated[bool, typer.Option("--document", help="Run nothing; write the tables in docs/.")] = False,
) -> None:
    """Remove one protection after the other from a scratch copy, and see whether the tests named for it fail."""
    if document:
        write_documents()
        return
    chosen = _chosen(only, since, sample)
    if not chosen:
        console.print("No mutation to try.")
        return
    raise typer.Exit(asyncio.run(run(chosen)))


def _chosen(only: str | None, since: str | None, sample: int | None) -> list[Mutation]:
    chosen = list(MUTATIONS)
    if only:
        parts = [part.strip() for part in only.split(",") if part.strip()]
        if unknown := [part for part in parts if not any(part in each.name for each in MUTATIONS)]:
            raise typer.BadParameter(f"no mutation has {', '.join(unknown)} in its name", param_hint="--only")
        chosen = [each for each in chosen if any(part in each.name for part in parts)]
    if since:
        chosen = changed_since(since, chosen)
    if sample:
        today = datetime.now(UTC).date().isoformat()
        quick = [each for each in chosen if not each.slow]
        chosen = random.Random(today).sample(quick, min(sample, len(quick)))
    return chosen


@dataclass
class _Result:
    mutation: Mutation
    outcome: Outcome
    seconds: float


async def run(mutations: list[Mutation], repository: Path = REPOSITORY) -> int:
    """Try them, show the results, and return the exit status: 0 if all are killed, else 1."""
    started = time.monotonic()
    tests = list(dict.fromkeys(test for mutation in mutations for test in mutation.tests))
    results: list[_Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console.print(f"{len(mutations)} mutations, {len(tests)} tests; first the tests, on the code as it is")
    with tempfile.TemporaryDirectory() as folder, Progress(*columns, console=console, transient=True) as bar:
        copies = [ScratchCopy(Path(folder) / str(number), repository) for number in range(_WORKERS)]
        task = bar.add_task("no mutation", total=len(mutations))
        if trouble := await _trouble_without_mutations(copies, tests):
            console.print(f"Without any mutation, {trouble}. No mutation was tried.")
            return 1
        waiting = list(reversed(mutations))

        async def work(copy: ScratchCopy) -> None:
            while waiting:
                mutation = waiting.pop()
                bar.update(task, description=mutation.name)
                begun = time.monotonic()
                outcome = await try_mutation(copy, mutation, within_seconds=_MUTATION_SECONDS)
                results.append(_Result(mutation, outcome, time.monotonic() - begun))
                _show_result(results[-1])
                bar.advance(task)

        try:
            async with asyncio.TaskGroup() as group:
                for copy in copies:
                    group.create_task(work(copy))
        finally:  # also after Ctrl-C: what is known by then
            _show_table(sorted(results, key=lambda each: mutations.index(each.mutation)))
            console.print(f"{time.monotonic() - started:.0f} s")
    return int(any(result.outcome.verdict is not Verdict.KILLED for result in results))


def _show_result(result: _Result) -> None:
    """A terminal has the progress bar, and needs to be told of the exceptions only."""
    if result.outcome.verdict is not Verdict.KILLED:
        console.print(f"{result.outcome.verdict}: {result.mutation.name}: {result.outcome.reason}")
    elif not console.is_terminal:
        console.print(f"{result.outcome.verdict}: {result.mutation.name}")


def _show_table(results: list[_Result]) -> None:
    table = Table("mutation", "promise", "verdict", "s", box=None, pad_edge=False)
    for result in results:
        mutation = result.mutation
        table.add_row(mutation.name, mutation.promise, result.outcome.verdict, f"{result.seconds:.0f}")
    console.print(table)
    counts = Counter(str(result.outcome.verdict) for result in results)
    console.print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))


async def _trouble_without_mutations(copies: list[ScratchCopy], tests: list[str]) -> str:
    """Run all the tests on the code as it is, a part of them in each copy. Empty if they pass."""
    in_order = sorted(tests)
    size = -(-len(in_order) // len(copies))
    parts = [in_order[start : start + size] for start in range(0, len(in_order), size)]
    runs = await asyncio.gather(
        *(
            run_tests(copy, part, within_seconds=_BASELINE_SECONDS)
            for copy, part in zip(copies, parts, strict=False)  # of few tests there are fewer parts
        )
    )
    if failed := sorted(test for run in runs for test in run.failed):
        return f"these tests fail: {', '.join(failed)}"
    if trouble := "; ".join(run.trouble for run in runs if run.trouble):
        return f"the tests cannot be run: {trouble}"
    if lost := [test for test in tests if not any(run.ran(test) for run in runs)]:
        return f"these tests do not run: {', '.join(lost)}"
    return ""


if __name__ == "__main__":
    typer.run(main)
