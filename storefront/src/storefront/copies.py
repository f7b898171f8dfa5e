"""The copies of tickets, orders and payments that the pages show. The events of their owners update them."""

from dataclasses import dataclass
from typing import Self

from common.storage.batching_collection import BatchingCollection
from common.storage.collection import Database
from storefront.order_read_model import OrderReadModelRepository
from storefront.payment_read_model import PaymentReadModelRepository
from storefront.ticket_read_model import TicketReadModelRepository


@dataclass(frozen=True)
class Copies:
    tickets: TicketReadModelRepository
    orders: OrderReadModelRepository
    payments: PaymentReadModelRepository

    @classmethod
    def in_database(cls, database: Database) -> Self:
        return cls(
            TicketReadModelRepository(BatchingCollection(database["tickets"])),
            OrderReadModelRepository(BatchingCollection(database["orders"])),
            PaymentReadModelRepository(BatchingCollection(database["payments"])),
        )

    async def create_indexes(self) -> None:
        for each in (self.tickets, self.orders, self.payments):
            await each.create_indexes()
