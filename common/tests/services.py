"""All services, with a request to read and one to create something, for tests that every service must pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

import auth.main
import expiration.main
import orders.main
import payments.main
import tickets.main
from auth.settings import AuthSettings
from common.messaging.consumer import Consumer
from common.runtime.settings import ServiceSettings
from expiration.consumers import CONSUMERS as EXPIRATION_CONSUMERS
from expiration.settings import ExpirationSettings
from orders.consumers import CONSUMERS as ORDERS_CONSUMERS
from orders.settings import OrdersSettings
from payments.consumers import CONSUMERS as PAYMENTS_CONSUMERS
from payments.settings import PaymentsSettings
from tickets.consumers import CONSUMERS as TICKETS_CONSUMERS
from tickets.settings import TicketsSettings

SOME_ID = "65f0c0ffee00000000000010"


@dataclass(frozen=True)
class Read:
    """A request that needs the database and changes nothing, and the status of its normal answer."""

    method: str
    path: str
    status: int
    json: Any = None


@dataclass(frozen=True)
class ServiceUnderTest:
    name: str
    create_app: Callable[..., FastAPI]
    settings_type: type[ServiceSettings]
    read: Read
    consumers: Sequence[Consumer[Any]] = ()
    creates_at: str = ""
    """The path of a POST that creates something."""
    body: dict[str, Any] = field(default_factory=dict)
    """The body of this POST."""
    needs_user: bool = True
    """Whether this POST requires a signed-in user."""

    def __str__(self) -> str:
        return self.name


SERVICES = (
    ServiceUnderTest(
        "auth",
        auth.main.create_app,
        AuthSettings,
        Read("POST", "/api/users/signin", 401, {"email": "nobody@example.com", "password": "wrong password"}),
        creates_at="/api/users/signup",
        body={"email": "buyer@example.com", "password": "correct horse battery"},
        needs_user=False,
    ),
    ServiceUnderTest(
        "tickets",
        tickets.main.create_app,
        TicketsSettings,
        Read("GET", "/api/tickets", 200),
        TICKETS_CONSUMERS,
        "/api/tickets",
        {"title": "Concert", "price": 19.99},
    ),
    ServiceUnderTest(
        "orders",
        orders.main.create_app,
        OrdersSettings,
        Read("GET", "/api/orders", 200),
        ORDERS_CONSUMERS,
        "/api/orders",
        {"ticketId": SOME_ID},
    ),
    ServiceUnderTest(
        "payments",
        payments.main.create_app,
        PaymentsSettings,
        Read("GET", f"/api/payments?orderId={SOME_ID}", 404),
        PAYMENTS_CONSUMERS,
        "/api/payments",
        {"orderId": SOME_ID, "token": "tok_visa"},
    ),
    ServiceUnderTest(
        "expiration",
        expiration.main.create_app,
        ExpirationSettings,
        Read("GET", "/healthz/ready", 200),
        EXPIRATION_CONSUMERS,
    ),
)
WITH_API = SERVICES[:-1]
"""All services but expiration, which has no API."""
