"""Stores dead letters: events that a consumer could not handle, with their data, their headers and the reason."""

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


def dead_letter_subject(consumer: str) -> str:
    """The subject on which the dead letters of a consumer are published."""
    return f"dead-letter.{consumer}"


@dataclass(frozen=True)
class DeadLetters:
    """Publishes dead letters to their stream."""

    publisher: Publisher

    async def add(self, message: Msg, consumer: str, reason: str) -> None:
        """Return once the stream has stored the dead letter. Raises DependencyUnavailable if that is uncertain.

        The message id consists of the consumer and the event's sequence number in its stream. So the stream keeps one
        dead letter even if an event is dead-lettered twice.
        """
        place = message.metadata
        given = message.headers or {}
        # Headers "Nats-…" are instructions to the server, such as a schedule or a time to live: the stream would refuse
        # the dead letter, or the timer would fire again.
        headers = {name: value for name, value in given.items() if not name.lower().startswith("nats-")}
        headers |= {
            CONSUMER: consumer,
            REASON: " ".join(reason.split())[:_LONGEST_REASON],  # a header cannot contain a line break
            DELIVERIES: str(place.num_delivered),
            SUBJECT: message.subject,
            STREAM: place.stream,
            SEQUENCE: str(place.sequence.stream),
            MESSAGE: given.get(MESSAGE_ID, ""),
            MESSAGE_ID: f"dead-letter-{consumer}-{place.sequence.stream}",
        }
        await self.publisher.publish_raw(dead_letter_subject(consumer), message.data, headers)
