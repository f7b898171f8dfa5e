"""What must be true after each outage, whatever was away."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from faults.availability import OUR_PROCESSES
from faults.confirmed import Confirmed, require_confirmed_changes
from faults.context import ScenarioContext
from faults.event_counts import wrong_event_counts
from faults.outboxes import outboxes_empty
from faults.scenario import require
from marketplace.operations.dead_letters import list_dead_letters

_OUTBOXES_EMPTY_WITHIN_SECONDS = 10.0

CHECKED = (
    "no process restarted; outboxes empty within 10 s; no dead letter; all that was confirmed is stored; one event per "
    "change, and no other; the audit"
)


@dataclass(frozen=True)
class OutageCheck:
    """Knows the processes and the dead letters from before the outage."""

    context: ScenarioContext
    pids: Mapping[str, int]
    dead_letters: frozenset[int]

    @classmethod
    async def begin(cls, context: ScenarioContext) -> Self:
        letters = await list_dead_letters(context.operator)
        pids = {name: context.platform.pid(name) for name in OUR_PROCESSES}
        return cls(context, pids, frozenset(letter.id for letter in letters))

    async def require_nothing_lost(self, confirmed: Confirmed) -> None:
        """Require all that CHECKED says. `confirmed` is what the answers to requests confirmed."""
        context = self.context
        restarted = [name for name, pid in self.pids.items() if context.platform.pid(name) != pid]
        require(not restarted, f"processes restarted: {', '.join(restarted)}")
        await outboxes_empty(context, within=_OUTBOXES_EMPTY_WITHIN_SECONDS)
        differences = await context.settle()
        require(not differences, f"the audit found: {differences[:3]}")
        letters = [letter for letter in await list_dead_letters(context.operator) if letter.id not in self.dead_letters]
        require(not letters, f"{len(letters)} dead letters, such as {letters[0].reason if letters else ''}")
        wrong = await wrong_event_counts(context)
        require(not wrong, f"{len(wrong)} differences between changes and events: {', '.join(wrong[:5])}")
        await require_confirmed_changes(context, confirmed)
