"""A withdrawal and an order at the same time, with the real parts of all services, one database operation at a time."""

from collections.abc import Iterator

import pytest
from model.in_memory import Marketplace
from model.processes import RUN_TO_END, Schedule
from model.test_model import BUYERS, CARDS, SELLER

from common.domain.ids import OrderId, TicketId
from common.events.tickets import TicketUpdated, TicketWithdrawn

BUYER = BUYERS[0]


@pytest.fixture
def market() -> Iterator[Marketplace]:
    """A ticket is listed, and every service knows it."""
    market = Marketplace()
    market.begin("list", market.tickets.list_ticket(seller=SELLER, title="Concert", price=1999), RUN_TO_END)
    market.settle(None)
    yield market
    market.close()


def ticket_of(market: Marketplace) -> TicketId:
    return TicketId(market.ids("tickets", "tickets")[0])


def order_of(market: Marketplace) -> OrderId:
    return OrderId(market.ids("orders", "orders")[0])


def order(market: Marketplace, schedule: Schedule) -> None:
    market.begin("order", market.orders.place_order(ticket_of(market), buyer=BUYER), schedule)


def withdraw(market: Marketplace) -> None:
    market.begin("withdraw", market.tickets.withdraw_ticket(ticket_of(market), by=SELLER), RUN_TO_END)


def pay(market: Marketplace) -> None:
    paying = market.payments.pay_order(order_of(market), token=CARDS[0], buyer=BUYER, request_key=None)
    market.begin("pay", paying, RUN_TO_END)


def deliver(market: Marketplace, *facts: str) -> None:
    """Publish what is staged, and deliver these events only, such as "order.created to payments"."""
    for service in market.relays:
        market.relay(service, RUN_TO_END)
    for each in market.stream.pending():
        if not facts or f"{each.event.type_name()} to {each.service}" in facts:
            market.deliver(each, RUN_TO_END)


def facts_about_the_ticket(market: Marketplace) -> list[str]:
    events = [each for each in market.stream.events.values() if isinstance(each, TicketWithdrawn | TicketUpdated)]
    return [f"{each.version} {each.fact}" for each in sorted(events, key=lambda each: each.version)]


def test_an_order_stored_after_the_withdrawal_was_handled_is_cancelled(market: Marketplace) -> None:
    began = market.clock()
    order(market, Schedule(1))  # it has read the ticket, and has not stored the order
    withdraw(market)
    deliver(market)
    market.resume(market.waiting[0], RUN_TO_END)
    assert market.order(order_of(market))["status"] == "created"
    market.settle(None)
    cancelled = market.order(order_of(market))
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("cancelled", "withdrawn")
    assert facts_about_the_ticket(market) == ["2 withdrawn", "3 withdrawn", "4 withdrawn"]
    assert market.differences() == []
    assert market.clock() == began, "it did not wait for the deadline"


def test_a_payment_that_loses_against_the_withdrawal_is_refunded(market: Marketplace) -> None:
    order(market, RUN_TO_END)
    withdraw(market)
    deliver(market, "order.created to payments")
    pay(market)
    deliver(market, "ticket.withdrawn to orders")
    market.settle(None)
    assert market.order(order_of(market))["cancel_reason"] == "withdrawn"
    (payment,) = market.snapshot().documents("payments", "payments").values()
    assert payment["status"] == "refunded"
    assert market.differences() == []


def test_a_payment_that_wins_against_the_withdrawal_makes_the_ticket_sold(market: Marketplace) -> None:
    order(market, RUN_TO_END)
    withdraw(market)
    deliver(market, "order.created to payments")
    pay(market)
    deliver(market, "payment.created to orders")
    deliver(market, "order.created to tickets")
    deliver(market, "ticket.withdrawn to orders")
    market.settle(None)
    assert market.order(order_of(market))["status"] == "completed"
    assert facts_about_the_ticket(market) == ["2 withdrawn", "3 withdrawn", "4 updated"]
    (ticket,) = market.snapshot().documents("tickets", "tickets").values()
    assert (ticket["withdrawn"], ticket["order_id"]) == (False, order_of(market))
    (copy,) = market.snapshot().documents("orders", "ticket_replicas").values()
    assert copy["withdrawn"] is False
    assert market.differences() == []
