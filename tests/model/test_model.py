"""The marketplace as a state machine: requests, deliveries, crashes and time in any order; the invariants must hold.

Hypothesis draws the steps. Each request or delivery is a process that may run to its end, or pause or crash at any of
its database operations. HYPOTHESIS_PROFILE=long tries more examples; `make test-faults` does.
"""

import logging
import os
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from model.in_memory import HOLD, Marketplace
from model.processes import RUN_TO_END, Schedule, Then

from common.domain.ids import OrderId, TicketId, UserId
from common.domain.requested import RequestKey
from orders.order import OrderStatus

T = TypeVar("T")

_QUIET: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "print_blob": True,
    "report_multiple_bugs": False,
    "phases": (Phase.explicit, Phase.generate, Phase.shrink),
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}
PROFILES = {
    "short": settings(max_examples=75, stateful_step_count=30, derandomize=True, **_QUIET),
    "long": settings(max_examples=600, stateful_step_count=50, **_QUIET),
}

SELLER = UserId("65f0c0ffee00000000000001")
BUYERS = tuple(UserId(f"65f0c0ffee0000000000000{n}") for n in (2, 3, 4))
CARDS = ("pm_card_visa", "pm_card_chargeDeclined", "pm_card_nobody")
TERMINAL = {"cancelled", "completed", "declined", "refunded", "dropped"}
REOPENED = ("expiration", "deadlines", "completed")
"""The exception: a completed deadline of an order that was extended before (ADR 0020)."""
MOST_TICKETS = 2
"""Few, so that buyers compete."""

schedules = st.one_of(
    st.just(RUN_TO_END),
    st.just(RUN_TO_END),
    st.builds(Schedule, st.integers(0, 6), st.just(Then.PAUSES)),
    st.builds(Schedule, st.integers(0, 6), st.just(Then.CRASHES)),
    st.builds(Schedule, st.integers(1, 6), st.just(Then.CRASHES_AFTER_LAST)),
)
picks = st.integers(0, 9)
"""The index of an existing document or process, counted from the newest."""
rngs = st.none() | st.integers(0, 999).map(random.Random)
keys = st.sampled_from([None, None, "key"])


class MarketplaceMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.market = Marketplace()
        self.last_seen: dict[tuple[str, str, str], tuple[int, str | None]] = {}
        """By service, collection and id: version and status."""

    @initialize(so_far=st.sampled_from(["for sale", "ordered", "paid", "extended"]))
    def there_is_a_ticket(self, so_far: str) -> None:
        """Start with some data, so that few steps reach interesting states."""
        self.list_ticket(price=1999, schedule=RUN_TO_END)
        self.market.settle(None)
        if so_far != "for sale":
            self.order(which=0, buyer=BUYERS[0], key=None, schedule=RUN_TO_END)
            self.market.settle(None)
        if so_far == "paid":
            self.pay(which=0, card=CARDS[0], key=None, schedule=RUN_TO_END)
        if so_far == "extended":  # but expiration does not know it yet, so the old deadline passes
            self.extend(which=0, schedule=RUN_TO_END)
            self.market.clock.move_on(HOLD.window)
            self.fire_timer(which=0, schedule=RUN_TO_END)

    # Requests of users.

    @precondition(lambda self: self.market.count_listed_tickets() < MOST_TICKETS)
    @rule(price=st.sampled_from([1999, 2500]), schedule=schedules)
    def list_ticket(self, price: int, schedule: Schedule) -> None:
        self.market.begin(
            "list", self.market.tickets.list_ticket(seller=SELLER, title="Concert", price=price), schedule
        )

    @rule(which=picks, price=st.sampled_from([1500, 3000]), schedule=schedules)
    def change_listing(self, which: int, price: int, schedule: Schedule) -> None:
        ticket = TicketId(pick(self.market.ids("tickets", "tickets"), which))
        changing = self.market.tickets.change_listing(ticket, by=SELLER, title="Opera", price=price)
        self.market.begin("change listing", changing, schedule)

    @rule(which=picks, schedule=schedules)
    def withdraw(self, which: int, schedule: Schedule) -> None:
        ticket = TicketId(pick(self.market.ids("tickets", "tickets"), which))
        self.market.begin("withdraw", self.market.tickets.withdraw_ticket(ticket, by=SELLER), schedule)

    @rule(which=picks, buyer=st.sampled_from(BUYERS), key=keys, schedule=schedules)
    def order(self, which: int, buyer: UserId, key: str | None, schedule: Schedule) -> None:
        ticket = TicketId(pick(self.market.ids("tickets", "tickets"), which))
        request = RequestKey(f"{buyer}-{ticket}-{key}", "its body") if key else None
        self.market.begin("order", self.market.orders.place_order(ticket, buyer=buyer, request_key=request), schedule)

    @precondition(lambda self: self.market.ids("orders", "orders"))
    @rule(which=picks, schedule=schedules)
    def cancel(self, which: int, schedule: Schedule) -> None:
        order = self.market.order(pick(self.market.ids("orders", "orders"), which))
        cancelling = self.market.orders.cancel_order(OrderId(order["_id"]), by=order["user_id"])
        self.market.begin("cancel", cancelling, schedule)

    @precondition(lambda self: self.market.ids("orders", "orders"))
    @rule(which=picks, schedule=schedules)
    def extend(self, which: int, schedule: Schedule) -> None:
        order = self.market.order(pick(self.market.ids("orders", "orders"), which))
        extending = self.market.orders.extend_order(OrderId(order["_id"]), by=order["user_id"])
        self.market.begin("extend", extending, schedule)

    @precondition(lambda self: self.market.ids("orders", "orders"))
    @rule(which=picks, card=st.sampled_from(CARDS), key=keys, schedule=schedules)
    def pay(self, which: int, card: str, key: str | None, schedule: Schedule) -> None:
        order = self.market.order(pick(self.market.ids("orders", "orders"), which))
        request = RequestKey(f"{order['_id']}-{card}-{key}", "its body") if key else None
        paying = self.market.payments.pay_order(
            OrderId(order["_id"]), token=card, buyer=order["user_id"], request_key=request
        )
        self.market.begin("pay", paying, schedule)

    # Background work of the platform.

    @rule(service=st.sampled_from(["tickets", "orders", "payments", "expiration"]), schedule=schedules)
    def relay(self, service: str, schedule: Schedule) -> None:
        self.market.relay(service, schedule)

    @precondition(lambda self: self.market.stream.deliveries)
    @rule(which=picks, once_more=st.booleans(), schedule=schedules)
    def deliver(self, which: int, once_more: bool, schedule: Schedule) -> None:
        stream = self.market.stream
        self.market.deliver(
            pick(stream.deliveries if once_more else stream.pending() or stream.deliveries, which), schedule
        )

    @rule(rng=rngs, at_most=st.integers(1, 8))
    def deliver_several_at_once(self, rng: random.Random | None, at_most: int) -> None:
        self.market.deliver_several(rng, at_most)

    @precondition(lambda self: self.market.timers.ever_scheduled)
    @rule(which=picks, schedule=schedules)
    def fire_timer(self, which: int, schedule: Schedule) -> None:
        self.market.fire(pick(self.market.timers.ever_scheduled, which), schedule)

    @rule(of_payments=st.booleans(), schedule=schedules)
    def recover(self, of_payments: bool, schedule: Schedule) -> None:
        market = self.market
        recovery = (
            market.recovery().recover_open_payments()
            if of_payments
            else market.expiration.set_pending_timers(due_before=None)
        )
        market.begin(f"recovery in {'payments' if of_payments else 'expiration'}", recovery, schedule)

    @rule(seconds=st.sampled_from([1, 11, 600, 901]))
    def time_passes(self, seconds: int) -> None:
        self.market.clock.move_on(timedelta(seconds=seconds))

    @precondition(lambda self: self.market.waiting)
    @rule(which=picks, schedule=schedules)
    def resume(self, which: int, schedule: Schedule) -> None:
        self.market.resume(pick(self.market.waiting, which), schedule)

    @rule(rng=rngs)
    def everything_settles(self, rng: random.Random | None) -> None:
        self.market.settle(rng)
        assert not (found := self.market.differences()), found

    # What must hold after every step.

    @invariant()
    def invariants_hold(self) -> None:
        snapshot = self.market.snapshot()
        assert not self.market.stream.contradictions
        live = [order for order in snapshot.documents("orders", "orders").values() if is_live(order)]
        assert len(live) == len({order["ticket"]["id"] for order in live}), f"two live orders on one ticket: {live}"
        for order in snapshot.documents("orders", "orders").values():
            expired = order["cancel_reason"] == "expired"
            assert not expired or order["expires_at"] <= self.market.clock(), f"expired before its deadline: {order}"
        for where, documents in snapshot.by_collection.items():
            assert {key for *collection, key in self.last_seen if (*collection,) == where} <= documents.keys()
            for key, document in documents.items():
                self.compare_with_last_state((*where, key), document)

    def compare_with_last_state(self, key: tuple[str, str, str], document: dict[str, Any]) -> None:
        """Check that versions only grow, and that a terminal status never changes."""
        version, status = document.get("version", 1), document.get("status")  # the sandbox's records have neither
        known_version, known_status = self.last_seen.get(key, (0, None))
        assert version >= known_version, f"{key}: version {version} after {known_version}"
        is_terminal = known_status in TERMINAL and (*key[:2], known_status) != REOPENED
        assert status == known_status or not is_terminal, f"{key}: {status} after {known_status}"
        self.last_seen[key] = version, status

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # otherwise the test has failed already
                self.everything_settles(rng=None)
                self.invariants_hold()
        finally:
            self.market.close()


def is_live(order: dict[str, Any]) -> bool:
    return OrderStatus(order["status"]).is_live


def pick(found: Sequence[T], which: int) -> T:
    return found[-1 - which % len(found)]


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Turn off the logs of the services, which would have thousands of lines."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


TestMarketplace = pytest.mark.timeout(900)(MarketplaceMachine.TestCase)
TestMarketplace.settings = PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "short")]
