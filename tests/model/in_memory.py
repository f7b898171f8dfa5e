"""The services that consume events, built from their real parts on in-memory fakes, as in their composition roots."""

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from model.fakes import Database, Delivery, PollingRelay, Stream, Timers
from model.processes import RUN_TO_END, Process, Schedule

from common.domain.errors import DomainError, RetryLater, VersionConflict
from common.domain.event import Event
from common.events.timers import DeadlineTimer
from common.messaging.publisher import Publisher
from common.messaging.timeline import TimelineReader
from common.storage.collection import Document
from common.storage.read_model import ReadModelRepository
from devkit.testing.clock import SettableClock
from devkit.testing.in_memory import in_memory_database, unconnected_broker
from devkit.testing.interception import Died
from expiration.consumers import complete_deadline_on_timer
from expiration.repository import DeadlineRepository
from expiration.service import ExpirationService
from expiration.timers import TimerScheduler
from marketplace import registry
from marketplace.operations.audit import find_differences
from marketplace.operations.difference import Difference
from marketplace.operations.histories import Histories
from marketplace.operations.operator import Operator
from marketplace.operations.snapshot import Snapshot, take_snapshot
from marketplace.registry import SERVICE_NAMES
from orders.order import Hold
from orders.repository import OrderRepository
from orders.service import OrderService
from orders.ticket_read_model import TicketReadModelRepository
from payments.gateway.sandbox import SandboxGateway
from payments.order_read_model import OrderReadModelRepository as PayableOrders
from payments.recovery_job import RecoveryJob
from payments.repository import PaymentRepository
from payments.service import PaymentService
from tickets.order_read_model import OrderReadModelRepository as HoldingOrders
from tickets.repository import TicketRepository
from tickets.service import TicketService

HOLD = Hold(timedelta(minutes=15), extensions=2)
_LONGER_THAN_A_REQUEST = timedelta(seconds=11)
_ROUNDS = 50


class Marketplace:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = SettableClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
        self.stream, self.timers = Stream(), Timers()
        databases = {service: Database(in_memory_database(service)) for service in SERVICE_NAMES}
        self._operator = Operator(unconnected_broker(), {name: each.bare for name, each in databases.items()})
        publisher = cast("Publisher", self.stream)
        self.relays = {service: PollingRelay(publisher) for service in SERVICE_NAMES}
        self.waiting: list[Process] = []
        self._on_success: dict[Process, Any] = {}
        self._databases = databases
        self._build(databases)

    def _build(self, databases: dict[str, Database]) -> None:
        clock, relays = self.clock, self.relays
        tickets = TicketRepository(databases["tickets"]["tickets"], relays["tickets"], clock)
        holding = HoldingOrders(databases["tickets"]["order_replicas"])
        self.tickets = TicketService(tickets, holding, clock)
        orders = OrderRepository(databases["orders"]["orders"], relays["orders"], clock)
        ticket_read_models = TicketReadModelRepository(databases["orders"]["ticket_replicas"])
        timeline = TimelineReader(unconnected_broker())
        self.orders = OrderService(orders, ticket_read_models, timeline, clock, HOLD)
        deadlines = DeadlineRepository(databases["expiration"]["deadlines"], relays["expiration"], clock)
        self.expiration = ExpirationService(deadlines, cast("TimerScheduler", self.timers), clock)
        payments = PaymentRepository(databases["payments"]["payments"], relays["payments"], clock)
        payable = PayableOrders(databases["payments"]["order_replicas"])
        self.payments = PaymentService(
            payments,
            payable,
            SandboxGateway(databases["payments"]["sandbox_charges"], databases["payments"]["sandbox_refunds"]),
            clock,
        )
        for read_models in (ticket_read_models, payable):
            read_models._wait_seconds = 0
        for part in (tickets, holding, orders, deadlines, payments):
            self.loop.run_until_complete(part.create_indexes())
        self.use_cases: dict[str, Any] = {
            "tickets": self.tickets,
            "orders": self.orders,
            "expiration": self.expiration,
            "payments": self.payments,
        }

    def begin(self, what: str, work: Awaitable[Any], schedule: Schedule, on_success: Any = None) -> None:
        process = Process(what, work, self.loop)
        self._on_success[process] = on_success
        self.waiting.append(process)
        self.resume(process, schedule)

    def resume(self, process: Process, schedule: Schedule) -> None:
        process.advance(schedule)
        if not process.has_ended:
            return
        self.waiting.remove(process)
        on_success, error = self._on_success.pop(process), process.outcome()
        if error is None and on_success is not None:
            on_success()
        # Expected: a user's request is refused, an event must be delivered again, or the process crashes. Nothing else.
        handles_event = on_success is not None
        expected = (Died, VersionConflict, RetryLater) if handles_event else (Died, DomainError)
        if error is not None and not isinstance(error, expected):
            raise AssertionError(f"{process.what}: {type(error).__name__}: {error}") from error

    def deliver(self, delivery: Delivery, schedule: Schedule) -> None:
        event, consumer, use_cases = delivery.event, delivery.consumer, self.use_cases.get(delivery.service)
        self.begin(
            f"{consumer.name} ({event.event_id})",
            consumer.handle(use_cases, event) if use_cases else self._apply_to_read_models(delivery.service, event),
            schedule,
            lambda: self.stream.acknowledged.add(delivery.key),
        )

    async def _apply_to_read_models(self, service: str, event: Event) -> None:
        """Update what the audit reads of a service whose use cases are not part of this model."""
        for kept in registry.service(service).read_models:
            if kept.of == event.aggregate:
                await ReadModelRepository(self._databases[service][kept.collection], kept.read_model).apply(event)

    def fire(self, timer: DeadlineTimer, schedule: Schedule) -> None:
        self.begin(
            f"timer of {timer.id}",
            complete_deadline_on_timer(self.expiration, timer),
            schedule,
            lambda: self.timers.remove(timer),
        )

    def relay(self, service: str, schedule: Schedule) -> None:
        self.begin(f"relay of {service}", self.relays[service].poll(), schedule)

    def deliver_several(self, rng: random.Random | None, at_most: int | None = None) -> bool:
        """Publish staged events, deliver, and finish the paused processes. Return False if there was nothing to do.

        With rng, the database operations of all processes run in a random order; without it, the processes run one
        after the other, oldest first.
        """
        for service in self.relays:
            self.relay(service, RUN_TO_END)
        pending = self.stream.pending()
        if rng is not None:
            rng.shuffle(pending)
        for delivery in pending[:at_most]:
            self.deliver(delivery, Schedule(0))
        was_busy = bool(self.waiting)
        while self.waiting:
            if rng is None:
                self.resume(self.waiting[0], RUN_TO_END)
            else:
                self.resume(rng.choice(self.waiting), Schedule(1))
        return was_busy

    def recovery(self) -> RecoveryJob:
        return RecoveryJob(self.payments._payments, self.payments.finish, self.clock)

    def settle(self, rng: random.Random | None) -> None:
        """Resume paused processes, deliver all events, fire due timers and run recovery until nothing is left."""
        for _ in range(_ROUNDS):
            busy = self.deliver_several(rng)
            for timer in self.timers.due(self.clock()):
                self.fire(timer, RUN_TO_END)
                busy = True
            if not busy and self._is_a_payment_open():
                self.clock.move_on(_LONGER_THAN_A_REQUEST)  # the recovery job leaves younger payments alone
                self.begin("payments' recovery", self.recovery().recover_open_payments(), RUN_TO_END)
                busy = True
            if not busy:
                return
        raise AssertionError(f"does not settle: {self.stream.pending()[:3]} are pending, or a payment stays open")

    def differences(self) -> list[Difference]:
        """Return the differences that the audit finds. There must be none when nothing is in flight."""
        histories = Histories()
        for event in self.stream.events.values():
            histories.add(event)
        return list(find_differences(self.snapshot(), histories))

    def snapshot(self) -> Snapshot:
        return replace(self.loop.run_until_complete(take_snapshot(self._operator)), taken_at=self.clock())

    def close(self) -> None:
        for process in self.waiting:
            process.abandon()
        self.loop.close()

    def ids(self, service: str, collection: str) -> list[str]:
        """Oldest first."""
        found = self._operator.databases[service][collection].find({}, {"_id": 1})
        return sorted(document["_id"] for document in self.loop.run_until_complete(found.to_list(None)))

    def count_listed_tickets(self) -> int:
        """Return the number of tickets that are not withdrawn."""
        tickets = self._operator.databases["tickets"]["tickets"]
        return int(self.loop.run_until_complete(tickets.count_documents({"withdrawn": False})))

    def order(self, order_id: str) -> Document:
        order = self.loop.run_until_complete(self._operator.databases["orders"]["orders"].find_one({"_id": order_id}))
        assert order is not None
        return order

    def _is_a_payment_open(self) -> bool:
        payments = self._operator.databases["payments"]["payments"]
        return bool(self.loop.run_until_complete(payments.count_documents({"open": True})))
