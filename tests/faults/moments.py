"""The moments at which a service can be made to die (see dying_service)."""

BEFORE_PUBLISH = "before-publish"
"""The change and its event are written; nobody has published it."""
BEFORE_CLEAR = "before-clear"
"""The stream has the event; it is still in the outbox."""
BEFORE_ACK = "before-ack"
"""The handler has done its work; the broker does not know."""

LAST_WORDS = "died of "
"""What it writes to its log then, before the subject of the event."""
