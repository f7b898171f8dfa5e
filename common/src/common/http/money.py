"""Converts prices between JSON numbers (19.99) and minor units (1999 cents), which all other code uses."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_MINOR_UNITS = 99_999_999
"""999,999.99: the largest charge that Stripe takes."""


def to_minor_units(amount: Any) -> int:  # noqa: ANN401 - any value that JSON can hold
    """19.99 → 1999, exactly. Raises for a value that is not a number, has more than two decimals or is out of range."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise PydanticCustomError("price_type", "must be a number, such as 19.99")
    # repr() is the shortest text for a float: "19.99". Decimal(19.99) itself would be 19.989999….
    exact = Decimal(repr(amount)) if abs(amount) < 10**15 else None  # None for NaN, too: it is less than no number
    if exact is None:
        raise PydanticCustomError("price_range", "must be between 0.01 and 999999.99")
    minor = exact * 100
    if minor != minor.to_integral_value():
        raise PydanticCustomError("price_decimals", "must have at most two decimals")
    if not 0 < minor <= MAX_MINOR_UNITS:
        raise PydanticCustomError("price_range", "must be between 0.01 and 999999.99")
    return int(minor)


def from_minor_units(minor: int) -> int | float:
    """1999 → 19.99; 2000 → 20."""
    return minor // 100 if minor % 100 == 0 else minor / 100


_SCHEMA = {"type": "number", "minimum": 0.01, "maximum": 999999.99, "multipleOf": 0.01, "examples": [19.99]}

PriceIn = Annotated[int, BeforeValidator(to_minor_units), Field(strict=True), WithJsonSchema(_SCHEMA)]
"""A JSON number outside, minor units inside."""

PriceOut = Annotated[int, PlainSerializer(from_minor_units), WithJsonSchema(_SCHEMA)]
"""Minor units inside, a JSON number outside."""
