"""What a row of the table is: what the rounds measured, what the floor did meanwhile, and what was aimed at."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Target:
    """`of` is "median", or "ratio" for what is compared with the floor."""

    text: str
    of: str = "ratio"
    at_least: float = -math.inf
    at_most: float = math.inf
    times_first: float | None = None
    """And, besides, at least so many times what the first measured version did."""


@dataclass(frozen=True)
class Row:
    what: str
    unit: str
    rounds: Sequence[float]
    floors: Sequence[float] = ()
    target: Target | None = None
    notes: dict[str, str] = field(default_factory=dict)
    first_measured: float | None = None
    """The ratio to the same floor of the first measured version: rates cannot be compared across days, ratios can."""

    @property
    def median(self) -> float:
        return median(self.rounds)

    @property
    def floor(self) -> float | None:
        return median(self.floors) if self.floors else None

    @property
    def ratio(self) -> float | None:
        return self.median / self.floor if self.floor else None

    @property
    def times_first(self) -> float | None:
        return self.ratio / self.first_measured if self.ratio and self.first_measured else None

    @property
    def met(self) -> bool | None:
        """Both halves, where a target has two."""
        value = self.median if self.target and self.target.of == "median" else self.ratio
        if self.target is None or value is None:
            return None
        return self.target.at_least <= value <= self.target.at_most and self.met_times_first is not False

    @property
    def met_times_first(self) -> bool | None:
        if self.target is None or self.target.times_first is None or self.times_first is None:
            return None
        return self.times_first >= self.target.times_first

    def to_json(self) -> dict[str, Any]:
        derived = ("median", "floor", "ratio", "times_first", "met", "met_times_first")
        row = asdict(self) | {"target": self.target.text if self.target else None}
        return row | {each: getattr(self, each) for each in derived}


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank: a value that was measured, not one between two."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
