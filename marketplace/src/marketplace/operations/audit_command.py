"""The command `marketplace audit`, with which an operator finds differences between the data of the services."""

from typing import Annotated

import typer

from marketplace.operations.audit import Report, audit
from marketplace.operations.command import Json, operate
from marketplace.operations.difference import Difference
from marketplace.operations.operator import Operator
from marketplace.operations.rebuild_command import show_not_replayed
from marketplace.operations.repair import Repaired, repair
from marketplace.operations.republish_command import show_not_republished
from marketplace.operations.show import counted, show_json, show_line, show_table

_REPAIR = "audit --repair"


def audit_everything(
    *,
    repair_: Annotated[
        bool, typer.Option("--repair", help="Repair what can be repaired without a person, then audit again.")
    ] = False,
    as_json_: Json = False,
) -> None:
    """Find differences between the data of the services, and between these data and the events in the streams.

    The command compares each read model (a copy that a service has of another service's data) with the original data.
    It also compares each original document with its newest event. It finds events that are missing, two different
    events of one version, and events of something that its owner does not have. And it checks rules. For example, a
    ticket has at most one order that is not cancelled.

    While the services process a change, their data differ for a moment. Therefore the command reports a difference only
    if the difference is still there after 5 s. You may run the command at any time, even while the services are
    running. Without `--repair`, it does not change any data of the services.

    The command always reads whole collections into memory. Collections with up to about 100,000 documents are no
    problem.

    With `--repair`, the command lets the services publish their present state again where the stream has lost events,
    and rebuilds the read models that differ. If a ticket has a wrong holder (the order for which the ticket is reserved
    or sold), or an order a wrong deadline, the command asks the service to determine it again. A person has to repair
    all differences that are left. docs/operations.md says how.

    Examples: `marketplace audit` · `marketplace audit --repair` · `marketplace audit --json | jq '.differences[].id'`

    Exit status: 0 no difference · 1 a difference is left (with `--repair`: after the repair), or NATS or MongoDB does
    not answer
    """

    async def work(connection: Operator) -> tuple[Report, Repaired, Report]:
        first = await audit(connection)
        repaired = await repair(connection, first) if repair_ else Repaired()
        return first, repaired, await audit(connection) if repaired else first

    first, repaired, report = operate(work)
    if as_json_:
        show_json(
            {
                "found": [difference.as_json() for difference in first.differences],
                "repaired": repaired.as_json(),
                "differences": [difference.as_json() for difference in report.differences],
                "lookedAt": report.counts,
            }
        )
    else:
        if repaired:
            _show_differences(first.differences)
            show_line(f"{counted(len(first.differences), 'difference')} found.")
            _show_repaired(repaired)
        _show_report(report)
    raise typer.Exit(int(bool(report.differences)))


def _show_repaired(repaired: Repaired) -> None:
    for service, republished in repaired.republished.items():
        show_line(f"{service}: {republished.summary}.")
        show_not_republished(service, republished)
    for name, rebuilt in repaired.rebuilt.items():
        show_line(f"Rebuilt {name}: {rebuilt.summary}.")
        show_not_replayed(name.partition(" ")[0], rebuilt.not_replayed, command=_REPAIR)
    if repaired.holders:
        show_line(f"The tickets service has determined the holder again of: {', '.join(repaired.holders)}.")
    if repaired.deadlines:
        show_line(f"The expiration service has determined the deadline again of: {', '.join(repaired.deadlines)}.")
    for service, not_replayed in repaired.not_replayed.items():
        show_not_replayed(service, not_replayed, command=_REPAIR)


def _show_report(report: Report) -> None:
    checked = _counts_of_services(report)
    checked = f"Checked {checked}." if checked else "There is no data yet."
    if not report.differences:
        return show_line(f"No differences. {checked}")
    _show_differences(report.differences)
    return show_line(f"{counted(len(report.differences), 'difference')}. {checked}")


def _counts_of_services(report: Report) -> str:
    """Return what each service has: "tickets: 52 tickets, 10 order_replicas; orders: …"."""
    of_service: dict[str, list[str]] = {}
    for name, count in report.counts.items():
        service, _, collection = name.partition(" ")
        if count:
            of_service.setdefault(service, []).append(f"{count} {collection}")
    return "; ".join(f"{service}: {', '.join(counts)}" for service, counts in of_service.items())


def _show_differences(differences: list[Difference]) -> None:
    show_table(("rule", "id", "difference"), [(each.rule, each.subject or "all", each.detail) for each in differences])
