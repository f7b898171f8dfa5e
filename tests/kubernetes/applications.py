"""The applications, as their pods would start them."""

from collections.abc import Mapping

import httpx
import pytest
from fastapi import FastAPI

from devkit.testing.keys import KeyPair
from marketplace import registry

_KEYS = KeyPair.generate()
VALUES = {
    "TOKEN_PUBLIC_KEY": _KEYS.public,
    "TOKEN_PRIVATE_KEY": _KEYS.private,
    "MONGO_URL": "mongodb://orders:password@orders-mongodb:27017/orders?authSource=orders&w=majority&journal=true",
    "NATS_URL": "nats://orders:password@nats:4222",
    "STRIPE_KEY": "sk_test_1",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_1",
}
"""What `make secrets` puts into the secrets, by the variable that takes it."""


def create(service: str, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """The service's own application, with its settings from this environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    spec = registry.service(service)
    return spec.create_app(spec.settings())


async def serves(app: FastAPI, path: str) -> bool:
    """Whether there is something at this path: a method that nobody has is then refused in another way."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        answer = await client.request("TRACE", path)
    return answer.status_code == httpx.codes.METHOD_NOT_ALLOWED
