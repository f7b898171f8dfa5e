"""The data of one row of the result table: the value of the platform, the value of the baseline, and the target.

The baseline is the program or the situation with which we compare the platform. The target is the result that we want.
We measure each row several times (rounds). The table shows the median of the rounds.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Target:
    """The bounds that the result in one row of the result table must meet.

    `of` says to which value the bounds apply. This is either the "median" of the measured values, or the "ratio", which
    is this median divided by that of the baseline (the program or the situation with which we compare the platform).
    """

    text: str
    of: str = "ratio"
    at_least: float = -math.inf
    at_most: float = math.inf
    times_first: float | None = None
    """A second bound, or None if there is no second bound.

    The ratio is our median divided by that of the baseline. The second bound compares the ratio of today with the ratio
    of the first version of the platform that we measured. The ratio of today must be at least `times_first` times as
    large.
    """


@dataclass(frozen=True)
class Row:
    what: str
    unit: str
    rounds: Sequence[float]
    baselines: Sequence[float] = ()
    target: Target | None = None
    notes: dict[str, str] = field(default_factory=dict)
    first_measured: float | None = None
    """The ratio of the first version of the platform that we measured. None if we do not compare with it.

    The ratio is the value of the platform divided by the value of the baseline on the same day. We compare the ratios
    of two versions and not their values, because the speed of the machine differs from day to day.
    """

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
        """Whether the row meets all bounds of its target.

        None if the row has no target, or if the target needs a ratio to the baseline and the baseline was not measured.
        """
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
    """Return a percentile of the values, computed with the nearest-rank method.

    The result is always one of the values, because this method does not interpolate between two values.
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
