"""Computes the picture of the platform: where each service, each stream and each line between them is.

The streams are vertical bars. Each service is a box beside them, with a row for each event that it publishes and for
each of its consumers. A horizontal line connects a row with its stream. So the path of an event is always the same:
from the row of its publisher to the stream, along the stream, and to the rows of the consumers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from storefront.platform.topology import DurableConsumer, EventType, Topology

_HEADER, _ROW, _PADDING, _GAP = 32, 24, 4, 12
"""Header, padding and gap are together two rows. So the rows of all boxes of a column are on one grid."""
_TOP = 34
_BAR = 12
_LONGEST_LABEL = 36


@dataclass(frozen=True)
class Row:
    """One event that a service publishes, or one of its consumers. `text_x` and `value_x` are where its texts are."""

    of: EventType | DurableConsumer
    x: int
    y: int
    port: int
    """Where the line to the stream begins."""
    rail: int
    """Where this line meets the stream."""

    @property
    def is_consumer(self) -> bool:
        return isinstance(self.of, DurableConsumer)

    @property
    def label(self) -> str:
        """The name, cut if it has no space beside the number of its row. The table below the picture has all names."""
        name = self.of.short_name if isinstance(self.of, DurableConsumer) else self.of.name
        return name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"


@dataclass(frozen=True)
class Box:
    service: str
    x: int
    y: int
    width: int
    height: int
    rows: list[Row]


@dataclass(frozen=True)
class Rail:
    """A stream. Its bar is as long as its lines need, so few lines of other streams cross it."""

    stream: str
    x: int
    y: int
    height: int
    label: str
    label_x: int
    anchor: str
    """Which part of the label is at `label_x`: `start`, `middle` or `end`."""
    number: int | None = None
    """Stands above the bar, and in the label, if the label has no space above the bar."""


@dataclass(frozen=True)
class Drawing:
    name: str
    width: int
    height: int
    rails: list[Rail]
    boxes: list[Box]
    bar: int = _BAR
    row: int = _ROW


def draw_wide(topology: Topology) -> Drawing:
    """Draw the services on both sides of the streams."""
    width, box = 960, 316
    middle = width // 2
    spread = (width - 2 * box) // (len(topology.streams) + 1)
    first = middle - spread * (len(topology.streams) - 1) // 2
    rails = {stream: first + spread * index for index, stream in enumerate(_in_the_middle(topology.streams))}
    left, right = _halves(topology)
    # The lines of the right column are between those of the left one. Otherwise, two lines that meet at a stream would
    # look like one line from a service to another.
    boxes = [
        *_column(topology, left, 0, box, rails, port=box),
        *_column(topology, right, width - box, box, rails, top=_TOP + _ROW // 2),
    ]
    # The names are wider than the space between the streams, so the outer ones reach outwards.
    anchors = ["end", *["middle"] * (len(rails) - 2), "start"] if len(rails) > 1 else ["middle"]
    outwards = {"end": _BAR * 2, "middle": 0, "start": -_BAR * 2}
    ends = [
        Rail(stream, x, *_reach(boxes, stream), stream, x + outwards[anchor], anchor)
        for (stream, x), anchor in zip(rails.items(), anchors, strict=True)
    ]
    return Drawing("wide", width, _height_of(boxes), ends, boxes)


def draw_narrow(topology: Topology) -> Drawing:
    """Draw all services on the right of the streams, for a narrow screen."""
    width, spread = 344, 20
    count = len(topology.streams)
    rails = {stream: 8 + spread * index for index, stream in enumerate(topology.streams)}
    left = spread * count + 12
    boxes = _column(topology, topology.services, left, width - left, rails, top=_TOP)
    label_spread = (width + spread) // count
    ends = [
        Rail(stream, x, *_reach(boxes, stream), f"{number} {stream}", label_spread * (number - 1), "start", number)
        for number, (stream, x) in enumerate(rails.items(), start=1)
    ]
    return Drawing("narrow", width, _height_of(boxes), ends, boxes)


def _reach(boxes: Sequence[Box], stream: str) -> tuple[int, int]:
    """Return where the bar of a stream begins and how long it is. It begins at the top, below its name."""
    last = max(row.y for box in boxes for row in box.rows if row.of.stream == stream)
    return _TOP - 4, last + _ROW // 2 - _TOP + 4


def _height_of(boxes: Sequence[Box]) -> int:
    return max(each.y + each.height for each in boxes) + 2


def _in_the_middle(streams: Sequence[str]) -> list[str]:
    """The first stream has the most lines, so it is in the middle."""
    before, after = streams[1::2], streams[2::2]
    return [*before, *streams[:1], *after]


def _halves(topology: Topology) -> tuple[list[str], list[str]]:
    """Divide the services into two columns of about the same height, in their order."""
    services = list(topology.services)
    cuts = range(1, len(services) + 1)
    cut = min(cuts, key=lambda at: max(_height(topology, services[:at]), _height(topology, services[at:])))
    return services[:cut], services[cut:]


def _height(topology: Topology, services: Sequence[str]) -> int:
    rows = sum(len(topology.published_by(each)) + len(topology.consumers_of(each)) for each in services)
    return rows * _ROW + len(services) * (_HEADER + _PADDING + _GAP)


def _column(  # noqa: PLR0913 - a place has many numbers
    topology: Topology,
    services: Sequence[str],
    x: int,
    width: int,
    rails: dict[str, int],
    *,
    port: int | None = None,
    top: int = _TOP,
) -> list[Box]:
    """Draw services below each other. `port` is the side of the boxes where the lines begin; otherwise it is `x`."""
    boxes: list[Box] = []
    y = top
    for service in services:
        of: list[EventType | DurableConsumer] = [*topology.published_by(service), *topology.consumers_of(service)]
        rows = [
            Row(each, x, y + _HEADER + _ROW * index + _ROW // 2, x if port is None else port, rails[each.stream])
            for index, each in enumerate(of)
        ]
        boxes.append(Box(service, x, y, width, _HEADER + _ROW * len(rows) + _PADDING, rows))
        y += boxes[-1].height + _GAP
    return boxes
