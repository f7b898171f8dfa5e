"""Converts prices between JSON numbers (19.99) and minor units (1999 cents).

A request may also contain the price as a text ("19.90"), because many programs keep decimal numbers so. All other code
uses minor units.
"""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

CURRENCY = "usd"
"""The currency of all prices and payments: its ISO code in lower case, as Stripe has it."""

MAX_MINOR_UNITS = 99_999_999
"""The price 999,999.99 in minor units. Stripe does not accept a larger charge."""

_DECIMAL_TEXT = re.compile(r"[0-9]+(\.[0-9]+)?")


def to_minor_units(amount: Any) -> int:  # noqa: ANN401 - any value that JSON can contain
    """Convert a price to minor units without a rounding error. For example, 19.99 and "19.99" become 1999.

    Raises PydanticCustomError if `amount` is neither a number nor the text of a number, if it has more than two
    decimals, or if it is out of range.
    """
    if isinstance(amount, str):
        amount = _decimal_of(amount)
    elif isinstance(amount, bool) or not isinstance(amount, int | float):
        raise PydanticCustomError("price_type", 'must be a number, such as 19.99, or a text, such as "19.90"')
    # str(19.99) is the text "19.99", so its Decimal is exact. Decimal(19.99) would be 19.989999….
    # If `amount` is too large, `exact` is None. It is also None for NaN, because every comparison with NaN is false.
    exact = Decimal(str(amount)) if abs(amount) < 10**15 else None
    if exact is None:
        raise PydanticCustomError("price_range", "must be between 0.01 and 999999.99")
    minor = exact * 100
    if minor != minor.to_integral_value():
        raise PydanticCustomError("price_decimals", "must have at most two decimals")
    if not 0 < minor <= MAX_MINOR_UNITS:
        raise PydanticCustomError("price_range", "must be between 0.01 and 999999.99")
    return int(minor)


def _decimal_of(text: str) -> Decimal:
    parts = _DECIMAL_TEXT.fullmatch(text)
    if parts is None:
        raise PydanticCustomError(
            "price_text", 'must consist of digits, with at most one point between them, such as "19.90"'
        )
    if len(parts[1] or "") > len(".99"):  # Decimal would round a text of very many digits in a calculation.
        raise PydanticCustomError("price_decimals", "must have at most two decimals")
    return Decimal(text)


def from_minor_units(minor: int) -> int | float:
    """Convert minor units to a JSON number. For example, 1999 becomes 19.99, and 2000 becomes 20."""
    return minor // 100 if minor % 100 == 0 else minor / 100


_SCHEMA = {"type": "number", "minimum": 0.01, "maximum": 999999.99, "multipleOf": 0.01, "examples": [19.99]}
_TEXT_SCHEMA = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,2})?$", "examples": ["19.90"]}
_SCHEMA_IN = {"anyOf": [_SCHEMA, _TEXT_SCHEMA], "examples": [19.99]}

PriceIn = Annotated[int, BeforeValidator(to_minor_units), Field(strict=True), WithJsonSchema(_SCHEMA_IN)]
"""The type of a price in a request. The client sends a JSON number or its text, and the code receives minor units."""

PriceOut = Annotated[int, PlainSerializer(from_minor_units), WithJsonSchema(_SCHEMA)]
"""The type of a price in a response. The code sets minor units, and the client receives a JSON number."""
