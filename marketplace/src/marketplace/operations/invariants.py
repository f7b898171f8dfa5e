"""The rules that the data of all services together must follow. The audit checks these rules.

Each function in the table INVARIANTS checks one rule. While the services process a change, a rule may be broken for a
short time. In the output of the audit, the name of the rule is the name of the function, with spaces instead of "_".
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta

from common.domain.clock import is_within
from common.storage.collection import Document
from marketplace.operations.histories import Histories
from marketplace.operations.snapshot import Snapshot
from marketplace.operations.stored_data import AGGREGATES, SANDBOX_CHARGES, SANDBOX_REFUNDS
from orders.order import OrderStatus
from payments.payment import PaymentStatus

Finding = tuple[str | None, str]
"""One problem that the check of a rule has found.

It consists of the id of the aggregate (for example the order) that breaks the rule, and a text that says what is wrong.
The id is None if it is not possible to say which aggregate breaks the rule.
"""

_OUTBOX_AFTER = timedelta(seconds=10)


def one_live_order_per_ticket(snapshot: Snapshot) -> Iterator[Finding]:
    for ticket, orders in _live_orders(snapshot).items():
        if len(orders) > 1:
            yield ticket, f"has {len(orders)} live orders: {', '.join(sorted(orders))}"


def a_ticket_is_held_by_its_live_order(snapshot: Snapshot) -> Iterator[Finding]:
    live = _live_orders(snapshot)
    tickets = snapshot.documents("tickets", "tickets")
    for key, ticket in tickets.items():
        holders = live.get(key, [])
        if (ticket["order_id"] not in holders) if holders else ticket["order_id"]:
            yield key, f"held by {ticket['order_id'] or 'none'}, while its live order is {', '.join(holders) or 'none'}"
    for key in live.keys() - tickets.keys():
        yield key, "has a live order, but does not exist"


def a_withdrawn_ticket_has_no_live_order(snapshot: Snapshot) -> Iterator[Finding]:
    live = _live_orders(snapshot)
    for key, ticket in snapshot.documents("tickets", "tickets").items():
        if ticket.get("withdrawn") and key in live:
            yield key, f"is withdrawn, but has the live order {', '.join(live[key])}"


def a_completed_order_has_its_captured_payment(snapshot: Snapshot) -> Iterator[Finding]:
    payments = snapshot.documents("payments", "payments")
    for key, order in snapshot.documents("orders", "orders").items():
        if order["status"] != OrderStatus.COMPLETED:
            continue
        payment = payments.get(order["payment_id"])
        if payment is None or payment["status"] != PaymentStatus.CAPTURED or payment["order_id"] != key:
            yield key, f"its payment {order['payment_id']} is not a captured payment of this order"
        elif payment["amount"] != order["ticket"]["price"]:
            yield key, f"costs {order['ticket']['price']}, but {payment['amount']} was charged"


def an_order_costs_what_its_ticket_cost_at_that_version(snapshot: Snapshot, histories: Histories) -> Iterator[Finding]:
    """Compare the price of each live order with the price of the ticket at the version that the buyer has ordered.

    The ticket has this price in its event of this version, and in its document as long as the price cannot have
    changed. If an older version of the orders service has placed an order, the order does not contain the version of
    the ticket. Then this function does not check the order.
    """
    tickets = snapshot.documents("tickets", "tickets")
    for key, order in snapshot.documents("orders", "orders").items():
        ordered = order["ticket"]
        version = ordered.get("version")
        if version is None or not OrderStatus(order["status"]).is_live:
            continue
        published = histories.ticket_prices.get(ordered["id"], {}).get(version)
        stored = _price_at(version, tickets.get(ordered["id"]), holder=key)
        for price in sorted({published, stored} - {None, ordered["price"]}, key=str):
            yield key, f"costs {ordered['price']}, but its ticket cost {price} at version {version}"


def _price_at(version: int, ticket: Document | None, *, holder: str) -> int | None:
    """Return the price that the stored ticket had at this version, or None if the document does not show this.

    The document shows the price if it has this version. It also shows the price if the only later change has set the
    order that holds the ticket, because such a change keeps the price.
    """
    if ticket is None:
        return None
    held_since = ticket["version"] == version + 1 and ticket["order_id"] == holder
    price: int = ticket["price"]
    return price if held_since or ticket["version"] == version else None


def every_charge_ends_as_a_completed_order_or_a_refund(snapshot: Snapshot) -> Iterator[Finding]:
    orders = snapshot.documents("orders", "orders")
    for key, payment in snapshot.documents("payments", "payments").items():
        order = orders.get(payment["order_id"])
        status = order["status"] if order else "unknown"
        if payment["status"] == PaymentStatus.CAPTURED and status != OrderStatus.COMPLETED:
            yield key, f"captured, but its order {payment['order_id']} is {status}"
        if payment["status"] == PaymentStatus.REFUNDED and status != OrderStatus.CANCELLED:
            yield key, f"refunded, but its order {payment['order_id']} is {status}"
        if payment["open"]:
            yield key, f"still open ({payment['status']}) since {payment['begun_at']:%Y-%m-%d %H:%M:%S}"


def captured_minus_refunded_is_what_the_completed_orders_cost(snapshot: Snapshot) -> Iterator[Finding]:
    payments = snapshot.documents("payments", "payments").values()
    orders = snapshot.documents("orders", "orders").values()
    earned = sum(payment["amount"] for payment in payments if payment["status"] == PaymentStatus.CAPTURED)
    owed = sum(order["ticket"]["price"] for order in orders if order["status"] == OrderStatus.COMPLETED)
    if earned != owed:
        yield None, f"captured minus refunded is {earned}, the completed orders cost {owed}"


def the_sandbox_was_charged_once_per_captured_payment(snapshot: Snapshot) -> Iterator[Finding]:
    """Check that each successful charge in the sandbox belongs to a payment with the same amount and the right status.

    Also check that the sandbox has a charge for each payment that was captured. The sandbox is the card processor for
    development and tests. The right status is "refunded" if the sandbox has refunded the charge, otherwise "captured".
    If the platform uses Stripe, the sandbox has no charges. Then this function checks nothing, because the audit cannot
    read the charges at Stripe.
    """
    charged = {
        key: charge["request"]["amount"]
        for key, charge in snapshot.documents(*SANDBOX_CHARGES).items()
        if "charge_id" in charge["outcome"]
    }
    if not charged:
        return
    refunded = {key.removeprefix("refund:") for key in snapshot.documents(*SANDBOX_REFUNDS)}
    payments = snapshot.documents("payments", "payments")
    for key, amount in charged.items():
        status = payments[key]["status"] if key in payments else "unknown"
        wanted = PaymentStatus.REFUNDED if key in refunded else PaymentStatus.CAPTURED
        if status != wanted or payments[key]["amount"] != amount:
            yield key, f"is {wanted} with {amount} in the sandbox, but the payment is {status}"
    for key, payment in payments.items():
        was_captured = payment["status"] in (PaymentStatus.CAPTURED, PaymentStatus.REFUNDED)
        if was_captured and key not in charged and (*SANDBOX_CHARGES, key) not in snapshot.excluded:
            yield key, f"is {payment['status']}, but the sandbox has not charged it"


def a_deadline_is_pending_as_long_as_its_order_is_open(snapshot: Snapshot) -> Iterator[Finding]:
    deadlines = snapshot.documents("expiration", "deadlines")
    for key, order in snapshot.documents("orders", "orders").items():
        is_open = order["status"] == OrderStatus.CREATED
        if key not in deadlines:
            yield key, "has no deadline"
        elif (deadlines[key]["status"] == "pending") != is_open:
            yield key, f"is {order['status']}, but its deadline is {deadlines[key]['status']}"
        elif is_open and deadlines[key]["expires_at"] != order["expires_at"]:
            yield key, f"expires at {order['expires_at']}, but its deadline is at {deadlines[key]['expires_at']}"
        elif is_open and order["expires_at"] < snapshot.taken_at:
            yield key, f"is still open, but its deadline was {order['expires_at']:%Y-%m-%d %H:%M:%S}"


def no_event_stays_in_an_outbox(snapshot: Snapshot) -> Iterator[Finding]:
    for owned in AGGREGATES:
        for key, document in snapshot.documents(owned.service, owned.collection).items():
            old = [
                entry["id"]
                for entry in document.get("outbox", [])
                if not is_within(_OUTBOX_AFTER, entry["staged_at"], snapshot.taken_at)
            ]
            if old:
                yield key, f"{owned.service} has not published {', '.join(old)} for more than 10 s"


def name_of(check: Callable[..., Iterator[Finding]]) -> str:
    """Return the name of the rule that the function `check` checks. The audit shows this name."""
    return check.__name__.replace("_", " ")


INVARIANTS: dict[str, Callable[[Snapshot], Iterator[Finding]]] = {
    name_of(check): check
    for check in (
        one_live_order_per_ticket,
        a_ticket_is_held_by_its_live_order,
        a_withdrawn_ticket_has_no_live_order,
        a_completed_order_has_its_captured_payment,
        every_charge_ends_as_a_completed_order_or_a_refund,
        captured_minus_refunded_is_what_the_completed_orders_cost,
        the_sandbox_was_charged_once_per_captured_payment,
        a_deadline_is_pending_as_long_as_its_order_is_open,
        no_event_stays_in_an_outbox,
    )
}


def _live_orders(snapshot: Snapshot) -> dict[str, list[str]]:
    live: dict[str, list[str]] = defaultdict(list)
    order: Document
    for key, order in snapshot.documents("orders", "orders").items():
        if OrderStatus(order["status"]).is_live:
            live[order["ticket"]["id"]].append(key)
    return live
