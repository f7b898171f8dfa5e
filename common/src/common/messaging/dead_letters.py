"""Dead letters: events that could not be handled, kept with their bytes, their headers and the reason."""

from dataclasses import dataclass

from nats.aio.msg import Msg

from common.events.envelope import MESSAGE_ID
from common.messaging.publisher import Publisher

CONSUMER = "dead-letter-consumer"
REASON = "dead-letter-reason"
DELIVERIES = "dead-letter-deliveries"
SUBJECT = "dead-letter-subject"
STREAM = "dead-letter-stream"
SEQUENCE = "dead-letter-sequence"
MESSAGE = "dead-letter-message-id"

_LONGEST_REASON = 500

REPLAYED = b"+OK"
"""What a consumer answers when the replay of a dead letter succeeded; anything else is the reason why not."""


def dead_letter_subject(consumer: str) -> str:
    """Where a consumer's dead letters are published."""
    return f"dead-letter.{consumer}"


def replay_subject(consumer: str) -> str:
    """Where an operator asks one consumer to try a dead letter again."""
    return f"replay.{consumer}"


@dataclass(frozen=True)
class DeadLetters:
    publisher: Publisher

    async def add(self, message: Msg, consumer: str, reason: str) -> None:
        """Returns once the dead-letter stream has it; raises DependencyUnavailable when that is not known.

        Burying a delivery twice leaves one dead letter: its id is the consumer and the event's place in its stream.
        """
        place = message.metadata
        given = message.headers or {}
        # Without its orders to the broker: a dead letter must not ring again, and its stream takes no time to live.
        headers = {name: value for name, value in given.items() if not name.lower().startswith("nats-")}
        headers |= {
            CONSUMER: consumer,
            REASON: " ".join(reason.split())[:_LONGEST_REASON],  # one line: a header must be
            DELIVERIES: str(place.num_delivered),
            SUBJECT: message.subject,
            STREAM: place.stream,
            SEQUENCE: str(place.sequence.stream),
            MESSAGE: given.get(MESSAGE_ID, ""),
            MESSAGE_ID: f"dead-letter-{consumer}-{place.sequence.stream}",
        }
        await self.publisher.publish_raw(dead_letter_subject(consumer), message.data, headers)
