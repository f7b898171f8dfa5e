"""Shows the results of a run as a table on the terminal, and writes them to results.json and to the plots."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.figures import Row
from benchmarks.plots import Plot
from common.domain.clock import utc_now

_COLUMNS = ("row", "median", "min, max", "unit", "baseline", "ratio", "vs first", "target", "met")
_NONE = "none"


def table_of(rows: Sequence[Row], *, smoke: bool) -> Table:
    """Return the table of the results.

    For a smoke run (a short run that only tests the code of the benchmark), the table shows no targets, because the
    run is too short for exact measurements.
    """
    table = Table(*_COLUMNS, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        target = "" if smoke else (row.target.text if row.target else _NONE)
        met = "" if smoke or row.met is None else ("met" if row.met else "MISSED")
        once = len(row.rounds) == 1
        spread = "once" if once else f"{short(min(row.rounds))}, {short(max(row.rounds))}"
        baseline = short(row.baseline) or _NONE
        compared = (baseline, short(row.ratio), "" if smoke else short(row.times_first))
        table.add_row(row.what, short(row.median), spread, row.unit, *compared, target, met)
    return table


def notes_of(rows: Sequence[Row], *, smoke: bool) -> list[str]:
    notes = [f"{row.what}: {what}: {figure}" for row in rows for what, figure in row.notes.items()]
    return notes if smoke else notes + [_compared_with_first(row) for row in rows if row.times_first is not None]


def _compared_with_first(row: Row) -> str:
    comparison = f"{row.what}: {short(row.times_first)} times the first measured version"
    comparison += f" ({short(row.ratio)} of the baseline, then {short(row.first_measured)})"
    if row.target is None or row.met_times_first is None:
        return comparison
    return f"{comparison}; at least {row.target.times_first}: {'met' if row.met_times_first else 'MISSED'}"


def write_results(rows: Sequence[Row], plots: Sequence[Plot], *, folder: Path, run: Mapping[str, Any]) -> None:
    """Write results.json and the plots into `folder`. `run` has data about the whole run, such as its duration."""
    results = {
        **run,
        "commit": _commit(),
        "at": utc_now().isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average_after": round(os.getloadavg()[0], 2),
        "rows": [row.to_json() for row in rows],
        "plots": [plot.to_json() for plot in plots],
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    drawn = folder / "plots"
    drawn.mkdir(exist_ok=True)
    for plot in plots:
        plot.draw(drawn)


def _commit() -> str | None:
    """Return the id of the current commit. It ends with "-dirty" if there are uncommitted changes.

    Returns None if the folder is not in a Git repository.
    """
    git = ("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    described = subprocess.run(git, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)  # noqa: S603 - a constant
    return described.stdout.strip() or None


def short(value: float | None) -> str:
    """Return the value as text. Return an empty text for None.

    A value below 100 is rounded to three significant digits, and a greater value is rounded to a whole number.
    """
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits either way
