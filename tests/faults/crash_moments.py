"""The moments at which crashing_service can kill itself."""

BEFORE_PUBLISH = "before-publish"
"""The change and its event are stored; the event is not published."""
BEFORE_CLEAR = "before-clear"
"""The event is in the stream, and still in the outbox."""
BEFORE_ACK = "before-ack"
"""The handler has done its work; the delivery is not acknowledged."""

CRASH_LINE = "crashed at "
"""The start of the line that the process logs before it crashes. The subject and the id of the event follow."""
