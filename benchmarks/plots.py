"""Draws the curves of the measurements as SVG files, which docs/performance.md shows.

The files have no scripts, use common fonts, and have a white background.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pygal
from pygal.style import Style

# pygal installs an import hook for its plugins. The hook does not implement the current import API of Python, so Python
# would print a warning at every later import. We use no plugins of pygal. Therefore we remove the hook.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

_SIZE = {"width": 860, "height": 460}
_STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground="#333333",
    foreground_strong="#111111",
    foreground_subtle="#777777",
    colors=("#1f6feb", "#d1571b", "#7db1ff", "#f0a57e"),
    guide_stroke_color="#d0d0d0",
    major_guide_stroke_color="#d0d0d0",
    font_family="Helvetica, Arial, sans-serif",
    title_font_size=18,
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=14,
    stroke_width="2.5",
)


@dataclass(frozen=True)
class Plot:
    file: str
    """The name of the file, without its suffix `.svg`."""
    title: str
    x_title: str
    y_title: str
    curves: Mapping[str, Sequence[tuple[float, float]]]
    """Maps the name of each curve to its points.

    There may be four curves. The third and the fourth curve have lighter versions of the colours of the first two.
    """
    logarithmic: bool = False
    """True if the y axis is logarithmic. The x axis is always logarithmic."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def draw(self, folder: Path) -> None:
        """Draw the curves and write the SVG file into `folder`. The x axis has a label for each measured x value.

        In pygal, either both axes are logarithmic or both are linear. But our x axis is always logarithmic. So if the y
        axis is linear, we use linear axes, and compute the logarithms of the x values ourselves.
        """
        place: Callable[[float], float] = float if self.logarithmic else math.log10
        places = sorted({x for points in self.curves.values() for x, _ in points})
        heights = [y for points in self.curves.values() for _, y in points]
        chart = pygal.XY(
            **_SIZE,
            title=self.title,
            x_title=self.x_title,
            y_title=self.y_title,
            x_labels=[{"value": place(x), "label": f"{x:,.0f}"} for x in places],
            value_formatter=lambda value: f"{value:,.3g}" if value < 100 else f"{value:,.0f}",  # noqa: PLR2004
            truncate_label=-1,
            truncate_legend=-1,
            legend_at_bottom=True,
            legend_at_bottom_columns=len(self.curves),
            show_x_guides=True,
            dots_size=4,
            js=(),
            style=_STYLE,
            **(_logarithmic(heights) if self.logarithmic else {"include_x_axis": True}),
        )
        for name, points in self.curves.items():
            chart.add(name, [(place(x), y) for x, y in points])
        chart.add_xml_filter(_without_scripts)
        # pygal writes a random id into the file. We replace this id with the file name. So if the measured values do
        # not change, the file does not change.
        drawn = chart.render().replace(chart.uuid.encode(), self.file.encode())
        (folder / f"{self.file}.svg").write_bytes(drawn + b"\n")


def _logarithmic(heights: Sequence[float]) -> dict[str, Any]:
    steps = _steps(heights)
    return {"logarithmic": True, "y_labels": steps, "range": (steps[0], steps[-1])}


def _steps(values: Sequence[float]) -> list[float]:
    """Return the labels of a logarithmic axis, for example 1, 2, 5, 10, 20 and so on.

    The first label is not greater than the smallest value, and the last label is not less than the largest value.
    """
    decades = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))))
    steps = [step * 10.0**decade for decade in decades for step in (1, 2, 5)] + [10.0**decades.stop]
    first = max(number for number, step in enumerate(steps) if step <= min(values))
    last = min(number for number, step in enumerate(steps) if step >= max(values))
    return steps[first : last + 1]


def _without_scripts(root: Any) -> Any:  # noqa: ANN401 - pygal chooses the ElementTree implementation
    """Remove the scripts from the SVG document. A page that shows the image would not run them, so they are useless."""
    for parent in root.iter():
        for child in [each for each in parent if str(each.tag).endswith("script")]:
            parent.remove(child)
    return root
