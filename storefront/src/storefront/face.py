"""Draws the face of a ticket: a pattern that follows from the ticket's id alone. No picture is stored or fetched."""

import hashlib
import math
from collections.abc import Iterator
from functools import lru_cache

_WIDTH, _HEIGHT = 320, 120
_HUES = 24
_PALETTE = 6
_REMEMBERED = 1_000
"""So many faces are kept, because the same tickets are shown again and again. They need about 1 MiB."""


@lru_cache(_REMEMBERED)
def face_of(ticket_id: str) -> str:
    """Return the SVG elements of a ticket's face, for a view box of 320 by 120.

    The colours are classes (`f0` to `f5`, `h0` to `h23`), so that the style sheet can adapt them to light and dark.
    """
    seed = hashlib.blake2b(ticket_id.encode(), digest_size=16).digest()
    shapes = (_waves, _rays, _discs, _bars)[seed[0] % 4]
    return "".join(shapes(seed))


@lru_cache(_REMEMBERED)
def hue_of(ticket_id: str) -> int:
    """Return the number of the ticket's colour, 0 to 23."""
    return hashlib.blake2b(ticket_id.encode(), digest_size=16).digest()[1] % _HUES


def _waves(seed: bytes) -> Iterator[str]:
    for row in range(5):
        y, high = 14 + row * 24, 6 + seed[2 + row] % 18
        yield f'<path class="f{row}" d="M0 {y}Q40 {y - high} 80 {y}T160 {y}T240 {y}T320 {y}V{_HEIGHT}H0Z"/>'


def _rays(seed: bytes) -> Iterator[str]:
    x, y, count = 40 + seed[2] % 240, 20 + seed[3] % 80, 10 + seed[4] % 8
    for number in range(count):
        angle, width = 2 * math.pi * number / count, math.pi / count / 1.4
        points = " ".join(
            f"{x + 400 * math.cos(angle + side):.0f},{y + 400 * math.sin(angle + side):.0f}" for side in (-width, width)
        )
        yield f'<polygon class="f{number % _PALETTE}" points="{x},{y} {points}"/>'


def _discs(seed: bytes) -> Iterator[str]:
    """One disc in each column, so that a narrow picture, which has the middle of the face, has one, too."""
    for number in range(7):
        a, b, c = seed[2 + number], seed[3 + number], seed[4 + number]
        x, y, radius = 10 + 46 * number + a % 24, 20 + b % 80, 14 + c % 32
        yield f'<circle class="f{(number + 2) % _PALETTE}" cx="{x}" cy="{y}" r="{radius}"/>'


def _bars(seed: bytes) -> Iterator[str]:
    x = 0
    for number in range(14):
        width = 10 + seed[2 + number] % 26
        yield f'<rect class="f{number % _PALETTE}" x="{x}" y="0" width="{width}" height="{_HEIGHT}"/>'
        x += width + 4
