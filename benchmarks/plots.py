"""Curves as SVG files that a Markdown page can show: no scripts, fonts that every browser has, a white ground."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pygal
from pygal.style import Style

_SIZE = {"width": 860, "height": 460}
_STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground="#333333",
    foreground_strong="#111111",
    foreground_subtle="#777777",
    colors=("#1f6feb", "#d1571b", "#7db1ff", "#f0a57e"),
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
        """With the measured places, and no others, on the abscissa: their logarithms, labelled as what they are."""
        places = sorted({x for points in self.curves.values() for x, _ in points})
        chart = pygal.XY(
            **_SIZE,
            title=self.title,
            x_title=self.x_title,
            y_title=self.y_title,
            x_labels=[{"value": math.log10(x), "label": f"{x:,.0f}"} for x in places],
            value_formatter=lambda value: f"{value:,.3g}" if value < 100 else f"{value:,.0f}",  # noqa: PLR2004
            truncate_label=-1,
            truncate_legend=-1,
            legend_at_bottom=True,
            legend_at_bottom_columns=len(self.curves),
            show_x_guides=True,
            dots_size=4,
            js=(),
            style=_STYLE,
            **({"logarithmic": True} if self.logarithmic else {"include_x_axis": True}),
        )
        for name, points in self.curves.items():
            chart.add(name, [(math.log10(x), y) for x, y in points])
        chart.add_xml_filter(_without_scripts)
        (folder / f"{self.file}.svg").write_bytes(chart.render() + b"\n")


def _without_scripts(root: Any) -> Any:  # noqa: ANN401 - of whichever ElementTree pygal has found
    """They are for pages of their own, and would be the only thing that differs from run to run but the figures."""
    for parent in root.iter():
        for child in [each for each in parent if str(each.tag).endswith("script")]:
            parent.remove(child)
    return root
