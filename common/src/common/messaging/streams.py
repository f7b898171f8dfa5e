"""Declares the streams of NATS JetStream.

A stream stores messages on disk in the order of their arrival. There is no limit for the age or the number of messages.
"""

from dataclasses import dataclass

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from common.domain.event import Category, Event, Message
from common.events.catalog import EVENT_TYPES, TIMER_TYPES

DUPLICATE_WINDOW_SECONDS = 600.0
"""If an event is published twice within this time, the stream stores the event only once.

If the event is published again after this time, the consumers receive it twice. The handlers must accept this.
"""

MAX_MESSAGE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Stream:
    """The name and the subjects of a stream.

    The other settings are the same for all streams. Only the stream that holds the timers needs a few different
    settings. A timer is a message that the broker delivers at a later time.
    """

    name: str
    subjects: tuple[str, ...]
    holds_timers: bool = False
    max_message_bytes: int = MAX_MESSAGE_BYTES

    def config(self, replicas: int) -> StreamConfig:
        return StreamConfig(
            name=self.name,
            subjects=list(self.subjects),
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            # This setting says what happens when a stream is full. With NEW, the stream refuses new messages. With OLD,
            # the stream removes old messages. For timers (messages that the server delivers at a later time), we must
            # use OLD, because the server does not allow NEW together with `allow_msg_schedules`, which timers need.
            # With OLD, no timer is lost, because our streams have no size limit and so are never full.
            discard=DiscardPolicy.OLD if self.holds_timers else DiscardPolicy.NEW,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
            max_msg_size=self.max_message_bytes,
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
DEAD_LETTERS = Stream(
    "DEAD_LETTERS",
    ("dead-letter.>", "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"),
    max_message_bytes=2 * MAX_MESSAGE_BYTES,  # because a dead letter has more headers than its event
)
"""Stores the dead letters, which are copies of events that a consumer could not handle.

The second subject is for notices of the broker. The broker publishes such a notice when it stops delivering an event,
because the number of the event's deliveries has reached `max_deliver` (see retry.py).
"""

STREAMS = (DOMAIN_EVENTS, GENERAL_EVENTS, TIMERS, DEAD_LETTERS)


def stream_of(message_type: type[Message]) -> Stream:
    """Return the stream that stores messages of the type `message_type`.

    The stream of an event depends on the category of the event (domain or general). All messages that are not events
    are timers, and the stream TIMERS stores them.
    """
    if issubclass(message_type, Event):
        return DOMAIN_EVENTS if message_type.category is Category.DOMAIN else GENERAL_EVENTS
    return TIMERS


def stream_storing(subject: str) -> Stream | None:
    """Return the stream that stores messages with this subject, or None if no stream in this file does."""
    for stream in STREAMS:
        if any(_matches(subject.split("."), pattern.split(".")) for pattern in stream.subjects):
            return stream
    return None


def _matches(tokens: list[str], pattern: list[str]) -> bool:
    """Return True if a subject matches a pattern. In a pattern, `*` means one token, and `>` at the end the rest."""
    if not all(tokens):
        return False
    if pattern[-1] == ">":
        return len(tokens) >= len(pattern) and _matches(tokens[: len(pattern) - 1], pattern[:-1])
    same_length = len(tokens) == len(pattern)
    return same_length and all(wanted in ("*", token) for token, wanted in zip(tokens, pattern, strict=True))
