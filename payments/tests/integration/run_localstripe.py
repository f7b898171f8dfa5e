"""Runs localstripe, an emulator of Stripe's API, as a process: it prints its port and then serves.

Its own command would listen on every interface and keep its store in one fixed file for the whole machine.
"""

import socket
from typing import Any

from aiohttp import web
from localstripe.errors import UserError  # type: ignore[import-untyped] # it ships no types, here and below
from localstripe.resources import PaymentIntent, Store  # type: ignore[import-untyped]
from localstripe.server import app  # type: ignore[import-untyped]

_create = PaymentIntent._api_create


def _create_as_stripe_does_now(automatic_payment_methods: Any = None, **data: Any) -> Any:
    """Accept automatic_payment_methods: localstripe knows only its predecessor, payment_method_types."""
    if automatic_payment_methods != {"enabled": "true", "allow_redirects": "never"}:
        raise UserError(400, f"This may send the buyer to another page: {automatic_payment_methods}")
    return _create(**data)


if __name__ == "__main__":
    Store.dump_to_disk = lambda _store: None
    PaymentIntent._api_create = _create_as_stripe_does_now
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)  # noqa: T201 - how the test learns the port
        web.run_app(app, sock=listener, print=None, access_log=None)
