"""A seller or a buyer, and what each of their requests means when it arrives twice.

A request whose answer was lost (a service was killed) is sent again, and may have done its work the first time. Nothing
is lost by that: each use case refuses the second one with 409, and what the first one did can be looked up.
"""

import secrets
from http import HTTPStatus

from marketplace.demo.answers import Answer, Order, OrderPage, PaymentList, Ticket, Timeline
from marketplace.demo.platform import Platform

GOOD_CARD = "pm_card_visa"
DECLINED_CARD = "pm_card_chargeDeclined"


class Person:
    """Has a fresh address in every run, so that the demo can be played any number of times on one platform."""

    def __init__(self, name: str, platform: Platform) -> None:
        self.name = name
        self._platform = platform
        self._browser = platform.browser()
        self._login: dict[str, object] = {
            "email": f"{name.lower()}-{secrets.token_hex(4)}@example.com",
            "password": secrets.token_urlsafe(16),
        }

    def sign_up(self) -> Answer:
        before = self._platform.interruptions
        answer = self._browser.post("/api/users/signup", self._login)
        if answer.status == HTTPStatus.CONFLICT and self._platform.interruptions > before:
            return self._browser.post("/api/users/signin", self._login).expect(HTTPStatus.OK)
        return answer.expect(HTTPStatus.CREATED)

    def list_ticket(self, title: str, price: float) -> tuple[Ticket, Answer]:
        """Listed twice, it is two tickets: harmless."""
        answer = self._browser.post("/api/tickets", {"title": title, "price": price}).expect(HTTPStatus.CREATED)
        return answer.read(Ticket), answer

    def order(self, ticket: Ticket, **window: int) -> tuple[Order, Answer]:
        """`windowSeconds` asks for a shorter hold than the platform's."""
        before = self._platform.interruptions
        answer = self._try_to_order(ticket, **window)
        if answer.status == HTTPStatus.CONFLICT and self._platform.interruptions > before:
            listing = self._browser.get("/api/orders").expect(HTTPStatus.OK)
            mine = [order for order in listing.read(OrderPage).orders if order.ticket.id == ticket.id]
            if mine:
                return mine[0], listing
        return answer.expect(HTTPStatus.CREATED).read(Order), answer

    def be_refused(self, ticket: Ticket) -> Answer:
        return self._try_to_order(ticket).expect(HTTPStatus.CONFLICT, "because somebody else holds the ticket")

    def _try_to_order(self, ticket: Ticket, **window: int) -> Answer:
        answer, _ = self._platform.until(
            lambda: self._browser.post("/api/orders", {"ticketId": ticket.id, **window}),
            lambda answer: answer.status != HTTPStatus.NOT_FOUND,  # orders learns of a ticket by an event
            expected="orders to know the ticket",
            seen=lambda answer: answer.summary,
        )
        return answer

    def pay(self, order: Order) -> Answer:
        answer = self._charge(order, GOOD_CARD)
        return answer if answer.status == HTTPStatus.OK else answer.expect(HTTPStatus.CREATED)  # 200: see _charge

    def be_declined(self, order: Order) -> Answer:
        return self._charge(order, DECLINED_CARD).expect(HTTPStatus.PAYMENT_REQUIRED, "because the card is declined")

    def _charge(self, order: Order, card: str) -> Answer:
        """A 200 is the listing that shows the charge: an interrupted request had made it."""
        before = self._platform.interruptions

        def ask() -> Answer:
            answer = self._browser.post("/api/payments", {"orderId": order.id, "token": card})
            if answer.status == HTTPStatus.CONFLICT and self._platform.interruptions > before:
                listing = self._browser.get(f"/api/payments?orderId={order.id}").expect(HTTPStatus.OK)
                if any(payment.status == "captured" for payment in listing.read(PaymentList).payments):
                    return listing
            return answer

        def settled(answer: Answer) -> bool:
            # 404: payments learns of an order by an event. 409 after an interruption: the first request's charge is
            # not settled yet.
            pending = answer.status == HTTPStatus.CONFLICT and self._platform.interruptions > before
            return answer.status != HTTPStatus.NOT_FOUND and not pending

        answer, _ = self._platform.until(
            ask, settled, expected="payments to settle the charge", seen=lambda answer: answer.summary
        )
        return answer

    def look_at_ticket(self, ticket: Ticket) -> Ticket:
        return self._browser.get(f"/api/tickets/{ticket.id}").expect(HTTPStatus.OK).read(Ticket)

    def look_at_order(self, order: Order) -> tuple[Order, Answer]:
        answer = self._browser.get(f"/api/orders/{order.id}").expect(HTTPStatus.OK)
        return answer.read(Order), answer

    def read_timeline(self, order: Order) -> tuple[Timeline, Answer]:
        answer = self._browser.get(f"/api/orders/{order.id}/timeline").expect(HTTPStatus.OK)
        return answer.read(Timeline), answer
