"""Checks that everything that an answer confirmed is stored."""

from faults.context import ScenarioContext
from faults.outboxes import OWNERS
from faults.scenario import require
from marketplace.operations.snapshot import take_snapshot

Confirmed = set[tuple[str, str]]
"""Kind (a key of OWNERS) and id of each aggregate that an answer confirmed."""


async def require_confirmed_changes(context: ScenarioContext, confirmed: Confirmed) -> None:
    snapshot = await take_snapshot(context.operator)
    missing = [f"{kind} {key}" for kind, key in confirmed if key not in snapshot.documents(*OWNERS[kind])]
    require(not missing, f"confirmed, but not stored: {', '.join(missing[:5])}")
