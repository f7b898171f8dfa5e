"""Stores dead letters.

A dead letter is a copy of an event that a consumer could not handle. Its headers also contain the reason for the
failure. An operator can look at the dead letters, and can tell the consumer to handle the event again.
"""

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
    """Return the subject on which the dead letters of `consumer` are published."""
    return f"dead-letter.{consumer}"


@dataclass(frozen=True)
class DeadLetters:
    """Publishes dead letters (copies of events that a consumer could not handle) to the stream DEAD_LETTERS."""

    publisher: Publisher

    async def add(self, message: Msg, consumer: str, reason: str) -> None:
        """Publish a dead letter and wait until the stream has stored it.

        Raises DependencyUnavailable if we do not know whether the stream has stored the dead letter.

        The message id of the dead letter consists of the consumer's name and the sequence number that the event has in
        its stream. If this method is called again for the same event and the same consumer, the message id is the same.
        If this happens within 10 minutes, the stream recognises the id and does not store a second dead letter.
        """
        place = message.metadata
        given = message.headers or {}
        # We do not copy the headers whose names begin with "Nats-". These headers are instructions to the server. For
        # example, they tell the server to deliver the message later or to delete it after some time. Because of them,
        # the stream could refuse the dead letter, or the server could deliver the message again.
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
