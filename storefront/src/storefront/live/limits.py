"""The limits of the live changes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    connections: int = 2_000
    """So many pages can be connected to one process."""
    longest_connection_seconds: float = 900.0
    """After this time, the browser connects again. So the end of a session ends what its reader receives."""
    keep_alive_seconds: float = 15.0
    """nginx closes a connection on which it receives nothing for a minute."""
    waiting_changes: int = 500
    """If more tickets than this have changed before a browser has read, it loads its page again instead."""
    remembered_changes: int = 2_000
    """So many changes are sent again to a browser that was not connected for a moment."""
    waiting_events: int = 5_000
    """If more events than this wait for their copies, all pages load their content again when the copies have them."""
    give_up_seconds: float = 60.0
    """A copy that does not contain an event after this time never gets it, if its consumer has nothing left to do."""
    pause_per_connection_seconds: float = 0.0001
    """The pause between two changes, for each connection. So sending needs about half a core at most."""
