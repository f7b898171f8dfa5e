"""The data of one row of the table: the measured rounds, the baseline's rounds, and the target."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Target:
    """`of` says which value the bounds apply to: the "median", or the "ratio" to the baseline."""

    text: str
    of: str = "ratio"
    at_least: float = -math.inf
    at_most: float = math.inf
    times_first: float | None = None
    """A second bound: the ratio must be at least this many times the ratio of the first measured version."""


@dataclass(frozen=True)
class Row:
    what: str
    unit: str
    rounds: Sequence[float]
    baselines: Sequence[float] = ()
    target: Target | None = None
    notes: dict[str, str] = field(default_factory=dict)
    first_measured: float | None = None
    """The ratio of the first measured version to the same baseline. Between days, only ratios are comparable."""

    @property
    def median(self) -> float:
        return median(self.rounds)

    @property
    def baseline(self) -> float | None:
        return median(self.baselines) if self.baselines else None

    @property
    def ratio(self) -> float | None:
        return self.median / self.baseline if self.baseline else None

    @property
    def times_first(self) -> float | None:
        return self.ratio / self.first_measured if self.ratio and self.first_measured else None

    @property
    def met(self) -> bool | None:
        """Whether all bounds of the target hold; None if there is no target or no value."""
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
        derived = ("median", "baseline", "ratio", "times_first", "met", "met_times_first")
        row = asdict(self) | {"target": self.target.text if self.target else None}
        return row | {each: getattr(self, each) for each in derived}


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the percentile by nearest rank: always a measured value, never an interpolated one."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
