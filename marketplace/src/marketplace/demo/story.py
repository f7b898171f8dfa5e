"""The 17 steps of the demo. Each method of the class Story plays one chapter."""

from dataclasses import dataclass
from datetime import UTC, datetime

from marketplace.demo.answers import DemoFailed, Order, Problem, Ticket, Timeline
from marketplace.demo.screen import Screen, duration
from marketplace.demo.session import Session

GOOD_CARD, DECLINED_CARD = "pm_card_visa", "pm_card_chargeDeclined"
_SHORT_HOLD_SECONDS = 3
_EVENTS_OF_A_SALE = {"order.created", "payment.created", "order.completed"}


@dataclass(frozen=True)
class Story:
    screen: Screen
    sam: Session
    ada: Session
    ben: Session

    def play(self) -> None:
        """Run all steps. Raises DemoFailed at the first step that fails."""
        self.three_people_sign_up()
        order = self.two_buyers_want_one_ticket()
        self.ada_pays(order)
        self.ben_does_not_pay()
        self.the_stream_keeps_the_events_of(order)
        self.screen.summary()

    def three_people_sign_up(self) -> None:
        self.screen.chapter("Three people sign up")
        for name, session, aim in (("Sam", self.sam, "sell"), ("Ada", self.ada, "buy"), ("Ben", self.ben, "buy")):
            with self.screen.step(name, f"signs up, to {aim}"):
                session.sign_up(name)

    def two_buyers_want_one_ticket(self) -> Order:
        self.screen.chapter("Two buyers want one ticket: one of them gets it")
        ticket = self._sam_lists("Swan Lake, row F", 19.99)
        with self.screen.step("Ada", "orders it") as step:
            order = Order.read(self.ada.post("/api/orders", 201, ticketId=ticket.id))
            step.what = f"orders it, and can pay until {order.expires_at.astimezone():%H:%M:%S}"
        self._tickets_holds(ticket, order)
        with self.screen.step("Ben", "orders it too, and is refused") as step:
            refusal = Problem.read(self.ben.post("/api/orders", 409, ticketId=ticket.id))
            step.what = f"is told “{refusal.detail}”"
        return order

    def ada_pays(self, order: Order) -> None:
        self.screen.chapter("Ada pays: a declined card leaves her order open, a good card completes it")
        with self.screen.step("Ada", "pays with a bad card, and is declined") as step:
            refusal = Problem.read(self.ada.post("/api/payments", 402, orderId=order.id, token=DECLINED_CARD))
            step.what = f"is told “{refusal.detail}”"
        with self.screen.step("orders", "keeps her order open"):
            self.ada.get(f"/api/orders/{order.id}", Order, until=lambda now: now.status == "created")
        with self.screen.step("Ada", "pays with a good card"):
            self.ada.post("/api/payments", 201, orderId=order.id, token=GOOD_CARD)
        with self.screen.step("orders", "receives payment.created: completes her order", "event"):
            self.ada.get(f"/api/orders/{order.id}", Order, until=lambda now: now.status == "completed")

    def ben_does_not_pay(self) -> None:
        self.screen.chapter("Ben does not pay: his order expires, and the ticket is on sale again")
        ticket = self._sam_lists("Swan Lake, row G", 24.50)
        with self.screen.step("Ben", f"orders it, to hold for {_SHORT_HOLD_SECONDS} s only"):
            order = Order.read(self.ben.post("/api/orders", 201, ticketId=ticket.id, windowSeconds=_SHORT_HOLD_SECONDS))
        self._tickets_holds(ticket, order)
        with self.screen.step("expiration", "its timer fires: order cancelled", "event") as step:
            self.ben.get(f"/api/orders/{order.id}", Order, until=lambda now: now.status == "cancelled")
            late = _late(order)
            if late < -1:
                raise DemoFailed(f"the order was cancelled {-late:.1f} s before its deadline")
            step.what = f"its timer fires: order cancelled {duration(late)} late"
        with self.screen.step("tickets", "receives order.cancelled: releases the ticket", "event"):
            self.ben.get(f"/api/tickets/{ticket.id}", Ticket, until=lambda now: now.order_id is None)

    def the_stream_keeps_the_events_of(self, order: Order) -> None:
        self.screen.chapter("The event stream keeps what happened to Ada's order")
        with self.screen.step("orders", "reads the events from the stream"):
            path = f"/api/orders/{order.id}/timeline"
            timeline = self.ada.get(path, Timeline, lambda now: {e.event for e in now.events} >= _EVENTS_OF_A_SALE)
        self.screen.timeline(timeline.events)

    def _sam_lists(self, title: str, price: float) -> Ticket:
        with self.screen.step("Sam", f"lists “{title}” at {price:.2f}"):
            return Ticket.read(self.sam.post("/api/tickets", 201, title=title, price=price))

    def _tickets_holds(self, ticket: Ticket, order: Order) -> None:
        with self.screen.step("tickets", "receives order.created: holds the ticket", "event") as step:
            path = f"/api/tickets/{ticket.id}"
            now = self.ada.get(path, Ticket, until=lambda now: now.order_id == order.id or _late(order) > 0)
            if now.order_id != order.id:
                step.what = "did not run before the deadline: holds nothing"


def _late(order: Order) -> float:
    """Return the seconds since the deadline for the payment (`expires_at`). Before it, the result is negative."""
    return (datetime.now(UTC) - order.expires_at).total_seconds()
