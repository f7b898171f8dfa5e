"""Prices in JSON: 19.99 and "19.99" are exactly 1999 cents, and 1999 cents are 19.99."""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain

import pytest
from pydantic import TypeAdapter, ValidationError

from common.http.money import MAX_MINOR_UNITS, PriceIn, PriceOut

READ = TypeAdapter(PriceIn)
WRITE = TypeAdapter(PriceOut)


NO_DECIMAL_TEXTS = (
    *(
        "",
        " ",
        "19.",
        ".5",
        ".",
        "-1",
        "+1",
        "-0",
        "1e3",
        "1E3",
        "1,50",
        "1.000,00",
        "1_000",
        "1 000",
        " 1",
        "1 ",
        "1\\n",
    ),
    *("NaN", "Infinity", "0x14", "1/2", "1.2.3", "twenty", "€20", "19.99 EUR", "١٩", "null", "true"),
)


def read(text: str) -> int:
    """Read a price as a request does: the JSON number is a float before it is checked."""
    return READ.validate_python(json.loads(text))


def written(minor: int) -> str:
    return WRITE.dump_json(minor).decode()


def many_amounts() -> Iterator[int]:
    """Every cent up to 200.00, a wide sample above it, and the last cents before the limit."""
    return chain(
        range(1, 20_001), range(20_001, MAX_MINOR_UNITS, 9_973), range(MAX_MINOR_UNITS - 300, MAX_MINOR_UNITS + 1)
    )


def test_a_price_is_read_exactly() -> None:
    wrong = {minor: got for minor in many_amounts() if (got := read(f"{minor // 100}.{minor % 100:02d}")) != minor}
    assert wrong == {}


def test_a_price_in_a_text_is_read_exactly() -> None:
    wrong = {minor: got for minor in many_amounts() if (got := read(f'"{minor // 100}.{minor % 100:02d}"')) != minor}
    assert wrong == {}


def test_a_long_text_of_a_price_is_not_rounded() -> None:
    with pytest.raises(ValidationError, match="at most two decimals"):
        read('"19.99' + "0" * 50_000 + '1"')


def test_a_price_is_written_exactly_and_read_back_unchanged() -> None:
    wrong = {
        minor: text for minor in many_amounts() if Decimal(text := written(minor)) * 100 != minor or read(text) != minor
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("text", "minor", "back"),
    [
        ("19.99", 1999, "19.99"),
        ("20", 2000, "20"),
        ("20.00", 2000, "20"),
        ("0.1", 10, "0.1"),
        ("0.01", 1, "0.01"),
        ("1e3", 100_000, "1000"),
        ("999999.99", MAX_MINOR_UNITS, "999999.99"),
        ('"19.90"', 1990, "19.9"),
        ('"19.9"', 1990, "19.9"),
        ('"20"', 2000, "20"),
        ('"0.01"', 1, "0.01"),
        ('"0020.00"', 2000, "20"),
        ('"999999.99"', MAX_MINOR_UNITS, "999999.99"),
    ],
)
def test_a_price_is_written_as_a_person_writes_it(text: str, minor: int, back: str) -> None:
    assert (read(text), written(minor)) == (minor, back)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0", "price_range"),
        ("-0.0", "price_range"),
        ("-1", "price_range"),
        ("-19.99", "price_range"),
        ("1000000", "price_range"),
        ("1e300", "price_range"),
        ("1e309", "price_range"),
        ("-1e309", "price_range"),
        ("NaN", "price_range"),
        ("Infinity", "price_range"),
        ("1" + "0" * 400, "price_range"),  # an integer that no float can hold
        ("19.999", "price_decimals"),
        ("0.001", "price_decimals"),
        ("1e-300", "price_decimals"),
        ("0.30000000000000004", "price_decimals"),
        ('"0"', "price_range"),
        ('"0.00"', "price_range"),
        ('"1000000"', "price_range"),
        ('"' + "9" * 50_000 + '"', "price_range"),
        ('"19.999"', "price_decimals"),
        ('"19.990"', "price_decimals"),
        *((f'"{text}"', "price_text") for text in NO_DECIMAL_TEXTS),
        ("true", "price_type"),
        ("false", "price_type"),
        ("null", "price_type"),
        ("[1]", "price_type"),
        ('{"amount": 1}', "price_type"),
    ],
)
def test_an_invalid_price_is_refused_with_its_reason(text: str, problem: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read(text)
    assert [error["type"] for error in refused.value.errors()] == [problem]
