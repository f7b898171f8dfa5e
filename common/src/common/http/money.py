"""Money is an integer number of minor units (cents) everywhere inside; at the edge it is a JSON number: 19.99."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_MINOR_UNITS = 99_999_999
"""999,999.99: the largest charge that Stripe takes."""


def to_minor_units(amount: Any) -> int:  # noqa: ANN401 - it judges whatever the JSON held
    """19.99 → 1999, exactly. Refuses what is no JSON number, has more than two decimals, or is out of bounds."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise PydanticCustomError("price_type", "must be a number, such as 19.99")
    # repr() is the shortest text that means this float, so 19.99 is 19.99 and not 19.989999….
    exact = Decimal(repr(amount)) if abs(amount) < 10**15 else None  # not of NaN, which is below nothing
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
