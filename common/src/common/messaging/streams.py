"""Declares the streams, which store the events on disk, in order, and without limit of age or size."""

from dataclasses import dataclass

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from common.domain.event import Category, Event, Message
from common.events.catalog import EVENT_TYPES, TIMER_TYPES

DUPLICATE_WINDOW_SECONDS = 600.0
"""A stream stores an event once if it is published again within this time. Handlers tolerate later duplicates."""

MAX_MESSAGE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Stream:
    """The name and the subjects of a stream. The other settings are the same for all, except for timers."""

    name: str
    subjects: tuple[str, ...]
    holds_timers: bool = False

    def config(self, replicas: int) -> StreamConfig:
        return StreamConfig(
            name=self.name,
            subjects=list(self.subjects),
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            # NEW refuses messages when a stream is full, OLD removes old ones. The server does not allow NEW together
            # with schedules. Without limits no stream is ever full.
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
"""Also stores the broker's advisories about messages that reached `max_deliver` without an answer."""

STREAMS = (DOMAIN_EVENTS, GENERAL_EVENTS, TIMERS, DEAD_LETTERS)


def stream_of(message_type: type[Message]) -> Stream:
    """The stream that stores messages of this type. For an event its category decides; timers have one stream."""
    if issubclass(message_type, Event):
        return DOMAIN_EVENTS if message_type.category is Category.DOMAIN else GENERAL_EVENTS
    return TIMERS
