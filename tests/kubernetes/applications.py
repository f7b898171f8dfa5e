"""The five applications, as their pods would start them."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import auth.main
import expiration.main
import orders.main
import payments.main
import tickets.main
from auth.settings import AuthSettings
from common.runtime.settings import ServiceSettings
from devkit.testing.keys import KeyPair
from expiration.settings import ExpirationSettings
from orders.settings import OrdersSettings
from payments.settings import PaymentsSettings
from tickets.settings import TicketsSettings

SETTINGS: dict[str, type[ServiceSettings]] = {
    "auth": AuthSettings,
    "tickets": TicketsSettings,
    "orders": OrdersSettings,
    "expiration": ExpirationSettings,
    "payments": PaymentsSettings,
}
CREATE_APP: dict[str, Any] = {
    "auth": auth.main.create_app,
    "tickets": tickets.main.create_app,
    "orders": orders.main.create_app,
    "expiration": expiration.main.create_app,
    "payments": payments.main.create_app,
}
_KEYS = KeyPair.generate()
VALUES = {
    "TOKEN_PUBLIC_KEY": _KEYS.public,
    "TOKEN_PRIVATE_KEY": _KEYS.private,
    "MONGO_URL": "mongodb://orders:password@orders-mongodb:27017/orders?authSource=orders&w=majority&journal=true",
    "NATS_URL": "nats://orders:password@nats:4222",
    "STRIPE_KEY": "sk_test_1",
}
"""What `make secrets` puts into the secrets, by the variable that takes it."""


def create(service: str, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """The service's own application, with its settings from this environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app: FastAPI = CREATE_APP[service](SETTINGS[service]())
    return app


async def serves(app: FastAPI, path: str) -> bool:
    """Whether there is something at this path: a method that nobody has is then refused in another way."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        answer = await client.request("TRACE", path)
    return answer.status_code == httpx.codes.METHOD_NOT_ALLOWED
