"""The sandbox gateway on a database."""

from typing import Any

from payments.gateway.sandbox import SandboxGateway


def sandbox(database: Any, *, currency: str = "usd") -> SandboxGateway:
    """`database` belongs to one of the drivers, or is the mock."""
    return SandboxGateway(database["sandbox_charges"], database["sandbox_refunds"], currency=currency)
