"""What orders remembers of each ticket: enough to sell it without asking anybody."""

from common.collection import Collection
from common.events.orders import OrderedTicket
from common.ids import TicketId, UserId
from common.replica import Replica, ReplicaRepository


class TicketReplica(Replica):
    title: str
    price: int
    user_id: UserId

    def as_ordered(self) -> OrderedTicket:
        return OrderedTicket(id=TicketId(self.id), title=self.title, price=self.price)


class TicketReplicas(ReplicaRepository[TicketReplica]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, TicketReplica)
