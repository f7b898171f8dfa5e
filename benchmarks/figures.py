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


@dataclass(frozen=True)
class Row:
    what: str
    unit: str
    rounds: Sequence[float]
    floors: Sequence[float] = ()
    target: Target | None = None
    notes: dict[str, str] = field(default_factory=dict)

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
    def met(self) -> bool | None:
        value = self.median if self.target and self.target.of == "median" else self.ratio
        if self.target is None or value is None:
            return None
        return self.target.at_least <= value <= self.target.at_most

    def to_json(self) -> dict[str, Any]:
        row = asdict(self)
        row["target"] = self.target.text if self.target else None
        return row | {"median": self.median, "floor": self.floor, "ratio": self.ratio, "met": self.met}


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank: a value that was measured, not one between two."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
