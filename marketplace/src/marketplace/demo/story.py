"""The story: one ticket is held, refused to another buyer and sold; a second one is held, let go, and on sale again."""

from datetime import UTC, datetime, timedelta

from marketplace.demo.answers import Order, Ticket, Timeline
from marketplace.demo.failures import StepFailed
from marketplace.demo.look import duration
from marketplace.demo.person import Person
from marketplace.demo.platform import Platform
from marketplace.demo.stage import Stage
from marketplace.demo.timeline import told

SHORT_HOLD_SECONDS = 3
_CLOCKS_DIFFER_BY = 10
"""More seconds than this between this machine's clock and the platform's are not believed."""
_JUST_BEFORE = timedelta(milliseconds=50)
_SOLD = ("order.created", "payment.created", "order.completed")


class Story:
    def __init__(self, stage: Stage, platform: Platform) -> None:
        self._stage = stage
        self._platform = platform
        self._sam, self._ada, self._ben = (Person(name, platform) for name in ("Sam", "Ada", "Ben"))
        self._findings: list[tuple[str, str]] = []

    def play(self) -> None:
        """Raises StepFailed at the first step that does not happen."""
        self._stage.opening(self._platform.gateway)
        self._people_sign_up()
        order = self._two_buyers_want_one_ticket()
        self._one_card_is_declined_and_one_accepted(order)
        self._an_order_expires()
        self._the_stream_remembers(order)
        if times := self._platform.interruptions:
            requests = "1 request" if times == 1 else f"{times} requests"
            self._found("Patience", f"{requests} waited for a service to come back")
        self._stage.closing(self._findings)

    def _people_sign_up(self) -> None:
        self._stage.chapter("Three people sign up")
        for person, aim in ((self._sam, "sell"), (self._ada, "buy"), (self._ben, "buy")):
            with self._stage.step(person.name, f"signs up, to {aim}") as step:
                answer = person.sign_up()
                step.over(how=answer.status, took=answer.took)

    def _two_buyers_want_one_ticket(self) -> Order:
        self._stage.chapter("Two buyers want one ticket")
        ticket = self._sam_lists("Swan Lake, row F", 19.99)
        with self._stage.step("Ada", "orders it") as step:
            order, answer = self._ada.order(ticket)
            hold = (order.expires_at - datetime.now(UTC)).total_seconds()
            step.over(what=f"orders it, and has {duration(hold)} to pay", how=answer.status, took=answer.took)
        with self._stage.step("tickets", "hears of the order, and holds the ticket") as step:
            held_after = self._wait_for_hold(ticket, order, since=answer.arrived)
            step.over(took=held_after)
        with self._stage.step("Ben", "orders it too, and is refused") as step:
            answer = self._ben.be_refused(ticket)
            step.over(what=f"is told “{answer.words}”", how=answer.status, took=answer.took)
        self._found("One ticket, one buyer", f"the second order was refused ({answer.status})")
        self._found("Events, no calls", f"tickets held it {duration(held_after)} after the order")
        return order

    def _one_card_is_declined_and_one_accepted(self, order: Order) -> None:
        self._stage.chapter("Ada pays")
        with self._stage.step("Ada", "pays with a bad card, and is declined") as step:
            reason = self._ada.be_declined(order)
            step.over(what=f"is told “{reason.words}”", how=reason.status, took=reason.took)
        with self._stage.step("orders", "leaves her order open") as step:
            still, answer = self._ada.look_at_order(order)
            if still.status != "created":
                raise StepFailed(expected="the order to be open after a declined card", seen=f"it is {still.status}")
            step.over(how=answer.status, took=answer.took)
        with self._stage.step("Ada", "pays with a good card") as step:
            answer = self._ada.pay(order)
            step.over(how=answer.status, took=answer.took)
        with self._stage.step("orders", "hears of it, and completes her order") as step:
            completed_after = self._wait_for_status(self._ada, order, "completed", since=answer.arrived)
            step.over(took=completed_after)
        self._found("A declined card", f"was told with {reason.status}; the order stayed open")
        self._found("A paid order", f"was complete {duration(completed_after)} after the payment")

    def _an_order_expires(self) -> None:
        self._stage.chapter("Ben orders, and does not pay")
        ticket = self._sam_lists("Swan Lake, row G", 24.5)
        with self._stage.step("Ben", f"orders it, and asks for {SHORT_HOLD_SECONDS} s only") as step:
            order, answer = self._ben.order(ticket, windowSeconds=SHORT_HOLD_SECONDS)
            away = (order.expires_at - datetime.now(UTC)).total_seconds()
            if away > SHORT_HOLD_SECONDS + _CLOCKS_DIFFER_BY:
                raise StepFailed(
                    expected=f"a hold of {SHORT_HOLD_SECONDS} s, as asked for", seen=f"expiresAt is {away:.0f} s away"
                )
            step.over(how=answer.status, took=answer.took)
        with self._stage.step("tickets", "hears of the order, and holds the ticket") as step:
            held_after = self._wait_for_hold(ticket, order, since=answer.arrived)
            missed = datetime.now(UTC) > order.expires_at
            step.over(what="was away until the deadline, and has no hold to show" if missed else None, took=held_after)
        with self._stage.step("expiration", "lets the deadline come") as step:
            step.deadline = order.expires_at
            self._wait_for_deadline(order)
            self._wait_for_status(self._ben, order, "cancelled")
            step.over(what="rings, and the order is cancelled", took=_late(order))
        with self._stage.step("tickets", "hears of it: the ticket is on sale again") as step:
            self._platform.until(
                lambda: self._ben.look_at_ticket(ticket),
                lambda now: now.order_id is None,
                expected="the ticket to be on sale again",
                seen=lambda now: f"it is still held, by order {now.order_id}",
            )
            late = _late(order)
            step.over(took=late)
        self._found("An unpaid order", f"expired; its ticket was on sale again, {late}")

    def _the_stream_remembers(self, order: Order) -> None:
        self._stage.chapter("What the event stream remembers of Ada's order")
        with self._stage.step("orders", "reads the events back from the stream") as step:
            (timeline, answer), _ = self._platform.until(
                lambda: self._ada.read_timeline(order),
                lambda found: {event.event for event in found[0].events}.issuperset(_SOLD),
                expected=f"a timeline with {', '.join(_SOLD)}",
                seen=lambda found: _names(found[0]),
            )
            step.over(how=answer.status, took=answer.took)
        self._stage.timeline(told(timeline.events))
        self._found("A memory", f"{len(timeline.events)} events, each with its cause and version")

    def _sam_lists(self, title: str, price: float) -> Ticket:
        with self._stage.step("Sam", f"lists “{title}” at {price:.2f}") as step:
            ticket, answer = self._sam.list_ticket(title, price)
            step.over(how=answer.status, took=answer.took)
        return ticket

    def _wait_for_hold(self, ticket: Ticket, order: Order, *, since: float) -> float:
        """Seconds from `since`. A hold that came and went while tickets was away counts: its deadline is over."""
        _, seconds = self._platform.until(
            lambda: self._ada.look_at_ticket(ticket),
            lambda now: now.order_id == order.id or datetime.now(UTC) > order.expires_at,
            expected="the ticket to be held for the order",
            seen=lambda now: f"its orderId is {now.order_id or 'null'}",
            since=since,
        )
        return seconds

    def _wait_for_status(self, buyer: Person, order: Order, status: str, *, since: float | None = None) -> float:
        _, seconds = self._platform.until(
            lambda: buyer.look_at_order(order)[0],
            lambda now: now.status == status,
            expected=f"the order to be {status}",
            seen=lambda now: f"it is {now.status}",
            since=since,
        )
        return seconds

    def _wait_for_deadline(self, order: Order) -> None:
        """Until just before it, so that what follows is measured finely. A hold that ends early is a StepFailed."""
        left = (order.expires_at - datetime.now(UTC)).total_seconds()
        now, _ = self._platform.until(
            lambda: self._ben.look_at_order(order)[0],
            lambda now: now.status != "created" or datetime.now(UTC) >= order.expires_at - _JUST_BEFORE,
            expected="the deadline to come",
            seen=lambda now: f"the order is {now.status}",
            within=max(left, 0) + self._platform.patience.effect,
        )
        early = (order.expires_at - datetime.now(UTC)).total_seconds()
        if now.status != "created" and early > 1:
            raise StepFailed(
                expected="the hold to last until its deadline",
                seen=f"the order is {now.status}, {early:.1f} s before it",
            )

    def _found(self, what: str, detail: str) -> None:
        self._findings.append((what, detail))


def _late(order: Order) -> str:
    seconds = (datetime.now(UTC) - order.expires_at).total_seconds()
    return f"{duration(abs(seconds))} {'late' if seconds >= 0 else 'early'}"


def _names(timeline: Timeline) -> str:
    return ", ".join(event.event for event in timeline.events) or "no event at all"
