"""Curves as SVG files that a Markdown page can show: no scripts, fonts that every browser has, a white ground."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pygal
from pygal.style import Style

# It is there to find pygal's plugins, of which we have none, the way Python did before 3.4: each import of any module
# after this one would warn of it.
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
    """Its name, without the ending."""
    title: str
    x_title: str
    y_title: str
    curves: Mapping[str, Sequence[tuple[float, float]]]
    """By name; the first two in strong colours."""
    logarithmic: bool = False
    """The ordinate; the abscissa always is."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def draw(self, folder: Path) -> None:
        """With the measured places, and no others, on the abscissa.

        pygal takes the logarithm of both axes or of none: where the ordinate keeps its values, we take the abscissa's.
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
        # By its name in place of a random number, the same figures are the same file.
        drawn = chart.render().replace(chart.uuid.encode(), self.file.encode())
        (folder / f"{self.file}.svg").write_bytes(drawn + b"\n")


def _logarithmic(heights: Sequence[float]) -> dict[str, Any]:
    steps = _steps(heights)
    return {"logarithmic": True, "y_labels": steps, "range": (steps[0], steps[-1])}


def _steps(values: Sequence[float]) -> list[float]:
    """1, 2, 5, 10 and so on, from below the least of the values to above the greatest."""
    decades = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))))
    steps = [step * 10.0**decade for decade in decades for step in (1, 2, 5)] + [10.0**decades.stop]
    first = max(number for number, step in enumerate(steps) if step <= min(values))
    last = min(number for number, step in enumerate(steps) if step >= max(values))
    return steps[first : last + 1]


def _without_scripts(root: Any) -> Any:  # noqa: ANN401 - of whichever ElementTree pygal has found
    """They are for pages of their own, and hold what no reader of the picture needs."""
    for parent in root.iter():
        for child in [each for each in parent if str(each.tag).endswith("script")]:
            parent.remove(child)
    return root
