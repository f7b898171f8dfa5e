"""The marketplace as a state machine: people, deliveries, deaths and time in any order, and what must hold anyway.

Hypothesis draws the steps. Each piece of work is a process that may run to its end, wait before any of its database
operations while others work, or die there. HYPOTHESIS_PROFILE=long looks harder: `make test-faults` does.
"""

import logging
import os
import random
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from model.in_memory import Marketplace
from model.processes import TO_THE_END, Fate, Then

from common.domain.ids import OrderId, TicketId, UserId
from orders.order import OrderStatus

T = TypeVar("T")

_QUIET = {
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
MOST_TICKETS = 2
"""Few, so that buyers meet."""

fates = st.one_of(
    st.just(TO_THE_END),
    st.just(TO_THE_END),
    st.builds(Fate, st.integers(0, 6), st.just(Then.WAITS)),
    st.builds(Fate, st.integers(0, 6), st.just(Then.DIES)),
    st.builds(Fate, st.integers(1, 6), st.just(Then.DIES_IN_IT)),
)
picks = st.integers(0, 9)
"""Of what there is when the step is taken: 0 is the newest."""
chances = st.none() | st.integers(0, 999).map(random.Random)
keys = st.sampled_from([None, None, "key"])


class MarketplaceMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.market = Marketplace()
        self.last_seen: dict[tuple[str, str, str], tuple[int, str | None]] = {}
        """By service, collection and id: version and status."""

    @initialize(so_far=st.sampled_from(["for sale", "ordered", "paid"]))
    def there_is_a_ticket(self, so_far: str) -> None:
        """Well begun, so that few steps lead far."""
        self.list_ticket(price=1999, fate=TO_THE_END)
        self.market.come_to_rest(None)
        if so_far != "for sale":
            self.order(which=0, buyer=BUYERS[0], key=None, fate=TO_THE_END)
            self.market.come_to_rest(None)
        if so_far == "paid":
            self.pay(which=0, card=CARDS[0], key=None, fate=TO_THE_END)

    # What people do.

    @precondition(lambda self: len(self.market.ids("tickets", "tickets")) < MOST_TICKETS)
    @rule(price=st.sampled_from([1999, 2500]), fate=fates)
    def list_ticket(self, price: int, fate: Fate) -> None:
        self.market.begin("list", self.market.tickets.list_ticket(seller=SELLER, title="Concert", price=price), fate)

    @rule(which=picks, price=st.sampled_from([1500, 3000]), fate=fates)
    def change_listing(self, which: int, price: int, fate: Fate) -> None:
        ticket = TicketId(pick(self.market.ids("tickets", "tickets"), which))
        changing = self.market.tickets.change_listing(ticket, by=SELLER, title="Opera", price=price)
        self.market.begin("change listing", changing, fate)

    @rule(which=picks, buyer=st.sampled_from(BUYERS), key=keys, fate=fates)
    def order(self, which: int, buyer: UserId, key: str | None, fate: Fate) -> None:
        ticket = TicketId(pick(self.market.ids("tickets", "tickets"), which))
        request = f"{buyer}-{ticket}-{key}" if key else None
        self.market.begin("order", self.market.orders.place_order(ticket, buyer=buyer, request_key=request), fate)

    @precondition(lambda self: self.market.ids("orders", "orders"))
    @rule(which=picks, fate=fates)
    def cancel(self, which: int, fate: Fate) -> None:
        order = self.market.order(pick(self.market.ids("orders", "orders"), which))
        cancelling = self.market.orders.cancel_order(OrderId(order["_id"]), by=order["user_id"])
        self.market.begin("cancel", cancelling, fate)

    @precondition(lambda self: self.market.ids("orders", "orders"))
    @rule(which=picks, card=st.sampled_from(CARDS), key=keys, fate=fates)
    def pay(self, which: int, card: str, key: str | None, fate: Fate) -> None:
        order = self.market.order(pick(self.market.ids("orders", "orders"), which))
        request = f"{order['_id']}-{card}-{key}" if key else None
        paying = self.market.payments.pay_order(
            OrderId(order["_id"]), token=card, buyer=order["user_id"], request_key=request
        )
        self.market.begin("pay", paying, fate)

    # What the platform does by itself.

    @rule(service=st.sampled_from(["tickets", "orders", "payments", "expiration"]), fate=fates)
    def relay(self, service: str, fate: Fate) -> None:
        self.market.relay(service, fate)

    @precondition(lambda self: self.market.stream.deliveries)
    @rule(which=picks, once_more=st.booleans(), fate=fates)
    def deliver(self, which: int, once_more: bool, fate: Fate) -> None:
        stream = self.market.stream
        self.market.deliver(
            pick(stream.deliveries if once_more else stream.pending() or stream.deliveries, which), fate
        )

    @rule(chance=chances, at_most=st.integers(1, 8))
    def deliver_several_at_once(self, chance: random.Random | None, at_most: int) -> None:
        self.market.deliver_several(chance, at_most)

    @precondition(lambda self: self.market.timers.ever_scheduled)
    @rule(which=picks, fate=fates)
    def ring(self, which: int, fate: Fate) -> None:
        self.market.fire(pick(self.market.timers.ever_scheduled, which), fate)

    @rule(of_payments=st.booleans(), fate=fates)
    def sweep(self, of_payments: bool, fate: Fate) -> None:
        market = self.market
        sweeping = (
            market.payments.recover_open_payments()
            if of_payments
            else market.expiration.set_pending_timers(due_before=None)
        )
        market.begin(f"the sweep of {'payments' if of_payments else 'expiration'}", sweeping, fate)

    @rule(seconds=st.sampled_from([1, 11, 600, 901]))
    def time_passes(self, seconds: int) -> None:
        self.market.clock.move_on(seconds)

    @precondition(lambda self: self.market.waiting)
    @rule(which=picks, fate=fates)
    def go_on(self, which: int, fate: Fate) -> None:
        self.market.go_on(pick(self.market.waiting, which), fate)

    @rule(chance=chances)
    def everything_comes_to_rest(self, chance: random.Random | None) -> None:
        self.market.come_to_rest(chance)
        assert not (found := self.market.differences()), found

    # What holds at every moment.

    @invariant()
    def what_must_never_happen_has_not(self) -> None:
        snapshot = self.market.snapshot()
        assert not self.market.stream.contradictions
        live = [order for order in snapshot.documents("orders", "orders").values() if is_live(order)]
        assert len(live) == len({order["ticket"]["id"] for order in live}), f"two live orders on one ticket: {live}"
        for where, documents in snapshot.by_collection.items():
            assert {key for *collection, key in self.last_seen if (*collection,) == where} <= documents.keys()
            for key, document in documents.items():
                self.compare_with_last_time((*where, key), document)

    def compare_with_last_time(self, key: tuple[str, str, str], document: dict[str, Any]) -> None:
        """Versions only grow, and a terminal state is never left."""
        version, status = document.get("version", 1), document.get("status")  # the sandbox's books have neither
        known_version, known_status = self.last_seen.get(key, (0, None))
        assert version >= known_version, f"{key}: version {version} after {known_version}"
        assert status == known_status or known_status not in TERMINAL, f"{key}: {status} after {known_status}"
        self.last_seen[key] = version, status

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # else that is what went wrong
                self.everything_comes_to_rest(chance=None)
                self.what_must_never_happen_has_not()
        finally:
            self.market.close()


def is_live(order: dict[str, Any]) -> bool:
    return OrderStatus(order["status"]).is_live


def pick(found: Sequence[T], which: int) -> T:
    return found[-1 - which % len(found)]


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """The services would log each of thousands of steps."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


TestMarketplace = pytest.mark.timeout(900)(MarketplaceMachine.TestCase)
TestMarketplace.settings = PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "short")]
