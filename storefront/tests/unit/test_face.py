"""The face of a ticket is a pattern, also where a narrow picture shows only its middle."""

import math
import re
from collections import Counter
from collections.abc import Callable

import pytest

from storefront.face import face_of

_LIGHTNESS = {"": 0, "f0": 12, "f1": 6, "f2": -8, "f3": 2, "f4": -3, "f5": 18}
"""As in face.css, relative to the background."""
_MIDDLE = range(134, 187, 4)
"""Most of a face is left out in a list of orders on a phone."""
_ROWS = range(2, 120, 8)


@pytest.mark.parametrize("number", range(100))
def test_every_face_has_a_pattern_that_can_be_seen_in_its_middle(number: int) -> None:
    face = re.findall(r'<(\w+) class="(f\d)" ([^>]*)/>', face_of(f"{number:024x}"))
    shapes = [(_covers(kind, dict(re.findall(r'(\w+)="([^"]*)"', values))), colour) for kind, colour, values in face]
    seen = Counter(
        next((colour for covers, colour in reversed(shapes) if covers(x, y)), "") for x in _MIDDLE for y in _ROWS
    )
    most = seen.most_common(1)[0][0]
    others = sum(count for colour, count in seen.items() if abs(_LIGHTNESS[colour] - _LIGHTNESS[most]) >= 5)
    assert others >= 0.07 * seen.total(), face


def _covers(kind: str, values: dict[str, str]) -> Callable[[float, float], bool]:
    """Return whether a shape covers a point. The wave of a path is taken as its middle line."""
    numbers = {name: float(value) for name, value in values.items() if name not in {"d", "points"}}
    if kind == "circle":
        return lambda x, y: math.hypot(x - numbers["cx"], y - numbers["cy"]) <= numbers["r"]
    if kind == "rect":
        return lambda x, _: numbers["x"] <= x <= numbers["x"] + numbers["width"]
    if kind == "path":
        top = float(values["d"].removeprefix("M0 ").partition("Q")[0])
        return lambda _, y: y >= top
    a, b, c = (tuple(map(float, point.split(","))) for point in values["points"].split())
    sides = ((a, b), (b, c), (c, a))

    def is_in_triangle(x: float, y: float) -> bool:
        turns = [(q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) for p, q in sides]
        return all(turn >= 0 for turn in turns) or all(turn <= 0 for turn in turns)

    return is_in_triangle
