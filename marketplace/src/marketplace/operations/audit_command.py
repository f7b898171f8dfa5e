"""`marketplace audit`."""

from typing import Annotated

import typer

from marketplace.operations.audit import Report, audit
from marketplace.operations.command import Json, operate
from marketplace.operations.difference import Difference
from marketplace.operations.operator import Operator
from marketplace.operations.rebuild_command import say_what_it_has_not_heard
from marketplace.operations.repair import Repaired, repair
from marketplace.operations.show import counted, say, show_json, show_table


def audit_everything(
    *,
    repair_: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended without a person, then look again.")
    ] = False,
    as_json_: Json = False,
) -> None:
    """Hold all read models against their owners, all owners against the streams, and every rule against all data.

    What is on its way explains itself: only what stays different for 5 s is shown. It may run at any time. It reads
    whole collections into memory, which is fine up to some 100,000 documents.

    With `--repair`, read models that differ are rebuilt from the stream, and tickets works out anew who holds the tickets
    whose holder differs. What then still differs needs a person: see docs/operations.md.

    Examples: `marketplace audit` · `marketplace audit --repair` · `marketplace audit --json | jq '.differences[].id'`

    Exit status: 0 everything agrees · 1 something differs (after the repair, if asked for), or a server does not answer
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
            say(f"{counted(len(first.differences), 'difference')} found.")
            _show_repaired(repaired)
        _show_report(report)
    raise typer.Exit(int(bool(report.differences)))


def _show_repaired(repaired: Repaired) -> None:
    for name, rebuilt in repaired.rebuilt.items():
        say(f"Rebuilt {name}: {rebuilt.summary}.")
        say_what_it_has_not_heard(name.partition(" ")[0], rebuilt.unheard, then="repair")
    if repaired.holders:
        say(f"Had tickets work out who holds {', '.join(repaired.holders)}.")
    say_what_it_has_not_heard("tickets", repaired.unheard, then="repair")


def _show_report(report: Report) -> None:
    looked_at = ", ".join(f"{count} {name}" for name, count in report.counts.items() if count)
    looked_at = f"Looked at {looked_at}." if looked_at else "There is no data yet."
    if not report.differences:
        return say(f"Everything agrees. {looked_at}")
    _show_differences(report.differences)
    return say(f"{counted(len(report.differences), 'difference')}. {looked_at}")


def _show_differences(differences: list[Difference]) -> None:
    show_table(("rule", "id", "difference"), [(each.rule, each.subject or "all", each.detail) for each in differences])
