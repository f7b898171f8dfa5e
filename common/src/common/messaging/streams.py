"""The streams: where events are kept. Persistent, ordered, nothing ever discarded to make room."""

from dataclasses import dataclass

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from common.domain.event import Category, Event, Message
from common.events.catalog import EVENT_TYPES, TIMER_TYPES

DUPLICATE_WINDOW_SECONDS = 600.0
"""An event published twice within it is one message; consumers tolerate the duplicates beyond it."""

MAX_MESSAGE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Stream:
    name: str
    subjects: tuple[str, ...]
    holds_timers: bool = False

    def config(self, replicas: int) -> StreamConfig:
        return StreamConfig(
            name=self.name,
            subjects=list(self.subjects),
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            # The server refuses "new" together with schedules; without limits neither discards anything.
            discard=DiscardPolicy.OLD if self.holds_timers else DiscardPolicy.NEW,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
            max_msg_size=MAX_MESSAGE_BYTES,
            num_replicas=replicas,
            allow_direct=True,
            allow_msg_schedules=self.holds_timers or None,
            allow_msg_ttl=self.holds_timers or None,
        )


def _subjects_of(category: Category) -> tuple[str, ...]:
    return tuple(sorted(event.subjects() for event in EVENT_TYPES if event.category is category))


DOMAIN_EVENTS = Stream("DOMAIN_EVENTS", _subjects_of(Category.DOMAIN))
GENERAL_EVENTS = Stream("GENERAL_EVENTS", _subjects_of(Category.GENERAL))
TIMERS = Stream(
    "TIMERS",
    tuple(subject for timer in TIMER_TYPES for subject in (timer.schedules(), timer.subjects())),
    holds_timers=True,
)
DEAD_LETTERS = Stream("DEAD_LETTERS", ("dead-letter.>", "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"))
"""Also keeps the broker's own word on a message that was delivered too often without our hearing of it."""

STREAMS = (DOMAIN_EVENTS, GENERAL_EVENTS, TIMERS, DEAD_LETTERS)


def stream_of(message_type: type[Message]) -> Stream:
    """The stream that keeps a message: timers have their own, and an event's category decides."""
    if issubclass(message_type, Event):
        return DOMAIN_EVENTS if message_type.category is Category.DOMAIN else GENERAL_EVENTS
    return TIMERS
