"""Which events the feed waits for, and how long it may take until it looks at their copies again."""

from devkit.testing.samples import changed_ticket, listed_ticket
from storefront.live.waiting_events import WaitingEvents


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_events_that_wait_for_long_are_looked_at_once_per_second() -> None:
    """Thousands of them, of a consumer that does not run, would hold up the fresh ones."""
    time = Time()
    waiting = WaitingEvents(time)
    waiting.worth_a_look()
    old = listed_ticket()
    waiting.add(old, 1)
    time.now += 2.5
    fresh = listed_ticket()
    waiting.add(fresh, 2)
    assert {each.event for each in waiting.worth_a_look()} == {old, fresh}
    time.now += 0.9
    assert [each.event for each in waiting.worth_a_look()] == [fresh]
    time.now += 0.2
    assert {each.event for each in waiting.worth_a_look()} == {old, fresh}


def test_a_newer_event_of_the_same_ticket_keeps_the_position_of_the_first() -> None:
    """A page that was rendered between them lacks both."""
    waiting = WaitingEvents(Time())
    first = listed_ticket()
    second = changed_ticket(first, 2)
    waiting.add(first, 5)
    looked_at = waiting.worth_a_look()
    waiting.add(second, 8)
    waiting.add(first, 9)
    assert [(each.event, each.position) for each in waiting] == [(second, 8)]
    assert waiting.settled(9) == 4
    waiting.remove(looked_at)
    assert [each.event for each in waiting] == [second], "the copies may contain the first event only"
    waiting.remove(list(waiting))
    assert waiting.settled(9) == 9
