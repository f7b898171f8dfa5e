"""The picture of the platform shows every service, stream, event and consumer, and nothing covers anything else."""

import itertools

import pytest

from storefront.platform.drawing import Box, Drawing, draw_narrow, draw_wide
from storefront.platform.topology import DurableConsumer, EventType, Topology, read_topology

_SIZE_OF_A_LETTER = 5.8  # of the system's font at 12 px, on average
_SPACE_FOR_THE_LAG = 50
_APART = 8  # of two lines, so that they do not look like one
_ONE = Topology(
    ("orders",),
    ("DOMAIN_EVENTS",),
    (EventType("order.created", "orders", "DOMAIN_EVENTS", "domain-specific"),),
    (DurableConsumer("orders-count", "orders", "DOMAIN_EVENTS", ("order.created",)),),
)
DRAWINGS: list[Drawing] = [draw_wide(read_topology()), draw_narrow(read_topology())]
EVERY_DRAWING = pytest.mark.parametrize("drawing", DRAWINGS, ids=["wide", "narrow"])


@EVERY_DRAWING
def test_the_picture_shows_all_that_the_platform_consists_of(drawing: Drawing) -> None:
    topology = read_topology()
    assert sorted(box.service for box in drawing.boxes) == sorted(topology.services)
    assert sorted(rail.stream for rail in drawing.rails) == sorted(topology.streams)
    shown = sorted(row.of.name for box in drawing.boxes for row in box.rows)
    events, consumers = [each.name for each in topology.events], [each.name for each in topology.consumers]
    assert shown == sorted(events + consumers)


@EVERY_DRAWING
def test_boxes_do_not_cover_each_other_and_are_inside_the_picture(drawing: Drawing) -> None:
    assert not [(a.service, b.service) for a, b in itertools.combinations(drawing.boxes, 2) if _overlap(a, b)]
    for box in drawing.boxes:
        assert 0 <= box.x <= box.x + box.width <= drawing.width
        assert 0 <= box.y <= box.y + box.height <= drawing.height
        assert all(box.y < row.y < box.y + box.height for row in box.rows)


@EVERY_DRAWING
def test_every_line_ends_at_the_stream_of_its_row_and_at_the_edge_of_its_box(drawing: Drawing) -> None:
    rails = {rail.stream: rail for rail in drawing.rails}
    for box in drawing.boxes:
        for row in box.rows:
            rail = rails[row.of.stream]
            assert row.rail == rail.x
            assert rail.y < row.y < rail.y + rail.height
            assert row.port in (box.x, box.x + box.width)
            assert not box.x < row.rail < box.x + box.width


@EVERY_DRAWING
def test_every_name_has_space_beside_the_number_of_its_row(drawing: Drawing) -> None:
    letter = _SIZE_OF_A_LETTER if drawing.name == "wide" else _SIZE_OF_A_LETTER * 11 / 12
    too_long = [
        row.label
        for box in drawing.boxes
        for row in box.rows
        if 28 + len(row.label) * letter + _SPACE_FOR_THE_LAG > box.width
    ]
    assert too_long == []


@EVERY_DRAWING
def test_the_names_of_the_streams_are_side_by_side(drawing: Drawing) -> None:
    letter = 7.3 if drawing.name == "wide" else 6.7  # of the monospaced font at 12 and at 11 px
    before = 0.0
    for rail in drawing.rails:
        width = len(rail.label) * letter
        left = rail.label_x - {"start": 0, "middle": width / 2, "end": width}[rail.anchor]
        assert before <= left, rail.label
        before = left + width + _APART / 2
    assert before <= drawing.width


@EVERY_DRAWING
def test_the_bar_of_a_stream_ends_below_its_last_line(drawing: Drawing) -> None:
    for rail in drawing.rails:
        last = max(row.y for box in drawing.boxes for row in box.rows if row.of.stream == rail.stream)
        assert 0 < rail.y + rail.height - last < drawing.row


def test_the_lines_of_two_services_do_not_meet_in_the_wide_picture() -> None:
    left, right = ([box for box in DRAWINGS[0].boxes if (box.x == 0) == is_left] for is_left in (True, False))
    heights = [[row.y for box in boxes for row in box.rows] for boxes in (left, right)]
    assert [(a, b) for a, b in itertools.product(*heights) if abs(a - b) < _APART] == []


def test_a_platform_of_one_service_can_be_drawn() -> None:
    for drawing in (draw_wide(_ONE), draw_narrow(_ONE)):
        assert [(box.service, len(box.rows)) for box in drawing.boxes] == [("orders", 2)]


def _overlap(a: Box, b: Box) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height
