"""Checks at the start of a service that its database is not older than the events that the service has published.

The database can be older if an operator has restored it from a backup. It also seems older if the service was started
with the address of a wrong database. A service that works with such a database would make wrong decisions. For example,
the orders service would not know that a ticket is sold, and would sell it again.

The command `marketplace restore-done` updates such a database with the events in the streams.
"""

from collections.abc import Sequence

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.newest_events import PublishedEvent, newest_events
from common.storage.collection import Collection, Database

RESTORES = "restores"
"""The collection of each service in which `marketplace restore-done` notes that the database is complete."""
ACCEPTED = "accepted"
"""The id of the only document in RESTORES.

Its field `event_ids` contains the ids of the newest events at the time of the last `marketplace restore-done`. The
check accepts that the database lacks these events, because not every event can be used to restore a document. For
example, the event about a new user does not contain the hash of the password.
"""


class RestoreNotDone(DependencyUnavailable):
    """The database of this service is older than the events that the service has published."""

    code = "restore-not-done"
    title = "The database is older than its events"


class RestoreCheck:
    """Compares the newest events of the service with the documents in `collections`, which the service owns."""

    def __init__(self, service: str, broker: Broker, database: Database, collections: Sequence[Collection]) -> None:
        self._service = service
        self._broker = broker
        self._database = database
        self._collections = collections

    async def find_problem(self) -> str:
        """Return what is wrong and what an operator must do. Return "" if the database has the newest events.

        Raises an error of the driver or of nats-py if MongoDB or NATS does not answer.
        """
        published = await newest_events(self._broker, self._service)
        accepted = (await self._database[RESTORES].find_one({"_id": ACCEPTED}) or {}).get("event_ids", [])
        for event in published:
            if event.event_id not in accepted and not await contains(self._collections, event):
                return (
                    f"The database does not contain {event.event_id}, which {self._service} has published. It is the "
                    f"wrong database, or it was restored from an older backup. In the second case, run "
                    f"`marketplace restore-done {self._service}`."
                )
        return ""


async def contains(collections: Sequence[Collection], event: PublishedEvent) -> bool:
    """Return True if a document has the aggregate of the event, in the version of the event or a newer version."""
    query = {"_id": event.aggregate_id, "version": {"$gte": event.version}}
    for collection in collections:
        if await collection.find_one(query, {"_id": 1}):
            return True
    return False
