import json
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.figures import Row, Target
from benchmarks.plots import Plot
from benchmarks.report import notes_of, table_of, write_results

TARGET = Target("at least 0.75, and 1.5 times the first", at_least=0.75, times_first=1.5)
ORDERS = Row("orders, direct", "orders/s", [1_200, 1_000, 1_500], [1_500], TARGET, {"busy": "2%"}, 0.6)
MEMORY = Row("memory", "MiB", [400.4])
PLOT = Plot("stored", "Orders", "stored", "orders/s", {"platform": [(1_000, 300), (300_000, 290)]})
LATENCY = Plot("latency", "Answers", "connections", "ms", {"p50": [(1, 0.7), (256, 310)]}, logarithmic=True)


def shown(rows: list[Row], *, smoke: bool = False) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table_of(rows, smoke=smoke))
    return captured.get()


def test_the_table_shows_each_row_with_its_baseline_its_target_and_whether_it_is_met() -> None:
    (line,) = [line for line in shown([ORDERS]).splitlines() if "orders, direct" in line]
    cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
    expected = ["orders, direct", "1,200", "1,000, 1,500", "orders/s", "1,500", "0.8", "1.33", TARGET.text, "MISSED"]
    assert cells == expected


def test_a_row_without_baseline_and_target_shows_none() -> None:
    (line,) = [line for line in shown([MEMORY]).splitlines() if "memory" in line]
    assert line.split() == ["memory", "400", "once", "MiB", "none", "none"]


def test_a_smoke_run_has_no_targets() -> None:
    text = shown([ORDERS], smoke=True)
    assert "MISSED" not in text
    assert TARGET.text not in text
    assert notes_of([ORDERS], smoke=True) == ["orders, direct: busy: 2%"]


def test_the_notes_say_which_half_of_a_target_is_missed() -> None:
    assert notes_of([ORDERS, MEMORY], smoke=False) == [
        "orders, direct: busy: 2%",
        "orders, direct: 1.33 times the first measured version (0.8 of the baseline, then 0.6); at least 1.5: MISSED",
    ]


def test_the_results_and_the_plots_are_written_to_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    write_results([ORDERS], [PLOT, LATENCY], folder=folder, run={"driver": "motor"})
    results = json.loads((folder / "results.json").read_text())
    assert [row["what"] for row in results["rows"]] == ["orders, direct"]
    assert results["plots"][0]["curves"] == {"platform": [[1_000, 300], [300_000, 290]]}
    assert sorted(path.name for path in (folder / "plots").iterdir()) == ["latency.svg", "stored.svg"]


def test_a_plot_labels_its_axes_and_the_measured_values_and_has_no_script(tmp_path: Path) -> None:
    for plot in (PLOT, LATENCY):
        plot.draw(tmp_path)
    stored, latency = ((tmp_path / f"{each}.svg").read_text() for each in ("stored", "latency"))
    for text in ("Orders", "stored", "orders/s", "platform", ">1,000<", ">300,000<"):
        assert text in stored
    for text in (">1<", ">256<", ">0.5<", ">200<", "p50"):
        assert text in latency
    assert "<script" not in stored + latency


def test_drawing_leaves_no_outdated_import_hook_behind() -> None:
    assert [finder for finder in sys.meta_path if not hasattr(finder, "find_spec")] == []


def test_the_same_figures_are_drawn_as_the_same_file(tmp_path: Path) -> None:
    PLOT.draw(tmp_path)
    first = (tmp_path / "stored.svg").read_bytes()
    PLOT.draw(tmp_path)
    assert (tmp_path / "stored.svg").read_bytes() == first
