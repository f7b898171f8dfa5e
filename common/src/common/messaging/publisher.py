"""Publishes messages to the streams.

After the publisher has sent a message, it waits until the stream acknowledges that the message is stored on disk.
"""

from nats.errors import BadSubjectError, MaxPayloadError
from nats.errors import Error as NatsError
from nats.js.api import PubAck
from nats.js.errors import APIError, NotFoundError

from common.domain.errors import DependencyUnavailable, PermanentFailure
from common.events.envelope import MESSAGE_ID, MalformedEvent, StagedEvent, decode_event
from common.messaging.broker import Broker
from common.messaging.streams import DOMAIN_EVENTS, MAX_MESSAGE_BYTES, Stream, stream_storing

_ACK_SECONDS = 2.0
"""After the publisher has sent a message, it waits for the acknowledgement of the stream for at most this time.

An acknowledgement usually arrives within milliseconds. If it does not arrive in this time, or if the connection is
lost, the publisher raises DependencyUnavailable.
"""
_TOO_LARGE = 10054
"""The code of the error JSStreamMessageExceedsMaximumErr: the message is larger than the stream allows.

Source of both codes: https://github.com/nats-io/nats-server/blob/main/server/errors.json
"""
_HEADERS_TOO_LARGE = 10097
"""The code of the error JSStreamHeaderExceedsMaximumErr: the headers are larger than 64 KiB."""
_INSTRUCTIONS = "nats-"
"""The names of headers that give an instruction to the stream begin with this text, in any case.

For example, with `Nats-TTL` the stream would delete the event later. Only Nats-Msg-Id is allowed in an event.
"""
_LONGEST_SUBJECT = 1000
"""In characters. NATS closes the connection if a subject is longer than about 4000 characters."""
_LARGEST_MESSAGE = 2 * MAX_MESSAGE_BYTES
"""In bytes, with the headers.

No stream stores a larger message. NATS closes the connection if a message is larger than 1 MB.
"""


class MessageRefused(PermanentFailure):
    """The stream will never store this message, for example because it is too large. It may store other messages."""


class EventIdTaken(PermanentFailure):
    """The stream has another event with the id of this event, and another content.

    An id contains the version of the aggregate. So the database of the service was restored from an older backup, and
    then the service has changed an aggregate to a version that it had before. The stream has not stored this event.

    `sequence` is the position of the other event in the stream.
    """

    def __init__(self, event_id: str, sequence: int) -> None:
        super().__init__(f"The stream has another event with the id {event_id}.")
        self.sequence = sequence


class Publisher:
    """Publishes messages through the connection of `broker`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def publish(self, staged: StagedEvent) -> None:
        """Publish an event and wait until the stream has stored it.

        Raises MessageRefused if the stream will never store this event. Raises EventIdTaken if the stream has another
        event with the same id. Raises DependencyUnavailable if the stream does not acknowledge the event. In this case,
        we may not know whether the stream has stored the event. But the caller can safely publish the event again. If
        the stream has stored the event in the last 10 minutes, it recognises the event's id and does not store it a
        second time.
        """
        for name in staged.headers:
            if name.lower().startswith(_INSTRUCTIONS) and name != MESSAGE_ID:
                raise MessageRefused(f"The header {name[:100]} would give the stream an instruction.")
        answer = await self.publish_raw(staged.subject, staged.data.encode(), staged.headers)
        if answer.duplicate:
            await self.check_stored(staged, answer.seq)

    async def check_stored(self, staged: StagedEvent, sequence: int) -> None:
        """Raise EventIdTaken if the stream has another event with the id of `staged`, and not this event.

        Call this method if the stream has answered that it already has this id, at the position `sequence`. When we
        publish an event, the stream compares only the ids. Raises DependencyUnavailable if the stream does not answer.

        If the stream is stored on three servers, the answer may come from a server that does not have the newest events
        yet. Then the error is wrong, and a later call succeeds.
        """
        stream = stream_storing(staged.subject)
        if stream is None or not await self._is_stored(staged, stream, sequence):
            raise EventIdTaken(staged.id, sequence)

    async def reconnected_within(self, seconds: float) -> bool:
        """Wait until the client has lost the connection and has reconnected, but not longer than `seconds`.

        Return True after a reconnect, and False if there was none in this time. If the client has reconnected between
        two calls of this method, the second call returns True immediately.
        """
        return await self._broker.reconnected_within(seconds)

    async def publish_raw(self, subject: str, data: bytes, headers: dict[str, str]) -> PubAck:
        """Publish any message, and wait until the stream has stored it. Return the answer of the stream.

        Use this method for dead letters (copies of events that could not be handled) and for timers (messages that the
        broker delivers at a later time). Use `publish` for events.

        Raises MessageRefused if the stream will never store this message. Raises DependencyUnavailable if the stream
        does not acknowledge the message.
        """
        size = _size(data, headers)
        if len(subject) > _LONGEST_SUBJECT or size > _LARGEST_MESSAGE:
            raise MessageRefused(f"The message broker refuses {subject[:100]}: the message or its subject is too long.")
        try:
            # We pass a copy of the headers, because nats-py may change the dict that it gets. For example, it adds a
            # header if it is called with the argument `stream`.
            return await self._broker.jetstream.publish(subject, data, timeout=_ACK_SECONDS, headers=dict(headers))
        except (TimeoutError, OSError, NatsError, APIError) as error:
            reason = str(error) or type(error).__name__
            if _is_refused(error, subject, size):
                raise MessageRefused(f"The message broker refuses {subject}: {reason}") from error
            raise DependencyUnavailable(f"The message broker did not store {subject}: {reason}") from error

    async def _is_stored(self, staged: StagedEvent, stream: Stream, sequence: int) -> bool:
        jetstream = self._broker.jetstream
        try:
            if stream is DOMAIN_EVENTS:
                found = await jetstream.get_msg(stream.name, seq=sequence, direct=True)
            else:
                # The other stream has the e-mail addresses of all users, so a service may not read it by positions. It
                # may read the newest event of one of its subjects. These aggregates have only one event per subject.
                found = await jetstream.get_last_msg(stream.name, staged.subject, direct=True)
        except NotFoundError:
            return False
        except (TimeoutError, OSError, NatsError, APIError) as error:
            raise DependencyUnavailable("The event stream does not answer.") from error
        return found.subject == staged.subject and _are_equal(staged, found.data or b"")


def _are_equal(staged: StagedEvent, data: bytes) -> bool:
    """Return True if `data` is the payload of the event `staged`.

    The payloads of two equal events may differ as texts, if two versions of the code have encoded them. So we decode
    them.
    """
    try:
        ours, stored = (decode_event(staged.subject, payload) for payload in (staged.data.encode(), data))
    except MalformedEvent:
        return data == staged.data.encode()
    return stored.agrees_with(ours)


def _is_refused(error: Exception, subject: str, size: int) -> bool:
    """Return True if the error is about this one message, and False if the stream stores no messages now.

    If the message is not larger than the stream should allow, an operator has given the stream or NATS a lower limit.
    This concerns other messages, too, and `marketplace provision` repairs the limit of the stream.

    An outbox may contain an event whose subject this version of the code does not know, because a newer version has
    staged it. If there is no stream for this subject any more, the broker cannot store this event.
    """
    stream = stream_storing(subject)
    if isinstance(error, MaxPayloadError) or (isinstance(error, APIError) and error.err_code == _TOO_LARGE):
        return stream is None or size > stream.max_message_bytes
    if isinstance(error, APIError):
        return error.err_code == _HEADERS_TOO_LARGE
    return isinstance(error, BadSubjectError) or stream is None


def _size(data: bytes, headers: dict[str, str]) -> int:
    """Return the size of the message in bytes, as NATS counts it: with the headers, which are lines of text."""
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return len(data) + (len("".join(["NATS/1.0\r\n", *lines, "\r\n"]).encode()) if lines else 0)
