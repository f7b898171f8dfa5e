"""The command line: `marketplace run`, `dev`, `demo`, `seed`, `docs`, `provision`, and the commands for operators."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from common.messaging.nats_url import parse_nats_url
from marketplace.bounded_provisioning import provision_within
from marketplace.demo import run_demo
from marketplace.errors import PlatformError
from marketplace.generated import main as write_generated_files
from marketplace.operations.audit_command import audit_everything
from marketplace.operations.dead_letter_commands import dead_letters
from marketplace.operations.lag_command import lag
from marketplace.operations.rebuild_command import rebuild_one
from marketplace.operations.republish_command import republish_state
from marketplace.operations.restore_command import restore_done
from marketplace.operations.timeline_command import timeline
from marketplace.probes import hosts_of
from marketplace.provisioning import replica_warnings
from marketplace.seed import run_seed
from marketplace.settings import PlatformSettings

app = typer.Typer(
    help="A ticket marketplace of event-driven services: run it, inspect it, repair it.\n\n"
    "The operators' commands use the same settings as `run`: GATEWAY_PORT, or MONGO_URL and NATS_URL. Exit status of "
    "all commands: 0 success · 1 failure, and one line says what is wrong · 2 invalid arguments or settings.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


_OPERATIONS = "Operations"


@app.command()
def run() -> None:
    """Run the whole platform on this machine until Ctrl-C.

    MongoDB, NATS, the services and the gateway run as child processes. If one of them ends, the command restarts it.
    All data and logs are in DATA_DIR. The settings are environment variables, here with their defaults in brackets:

    - GATEWAY_PORT (8080): the port of the platform; all other processes use the ports above it
    - DATA_DIR (.data): the folder of all data; delete it to start with empty databases
    - ORDER_WINDOW_SECONDS (900): how long an order reserves its ticket, so that the buyer can pay
    - HOLD_EXTENSIONS (3): how often a buyer may extend an order, each time by the order's own window
    - MONGO_URL, NATS_URL: the addresses of existing servers, which the platform uses instead of child processes
    - MONGO_DRIVER (motor): motor or pymongo
    - STRIPE_KEY, STRIPE_PUBLISHABLE_KEY: the keys of a Stripe account; without them, a sandbox simulates the payments
    - LOG_LEVEL (info): debug, info, warning or error
    - LOG_FORMAT (text): text or json
    """
    from marketplace.run import run as run_platform  # noqa: PLC0415 - imports devkit, which no container image has

    raise typer.Exit(run_platform(PlatformSettings.from_environment()))


@app.command()
def dev() -> None:
    """Run the platform as `run` does, and restart each service when its code changes.

    A change in the package `common` restarts all services, because all of them use it. The settings are the same as for
    `run`.
    """
    from marketplace.dev import restart_on_change  # noqa: PLC0415 - this module imports devkit
    from marketplace.run import run as run_platform  # noqa: PLC0415 - this module imports devkit

    raise typer.Exit(run_platform(PlatformSettings.from_environment(), restart_on_change))


@app.command()
def demo(
    gateway: Annotated[
        str | None, typer.Option(help="The address of the platform. Default: this machine, at GATEWAY_PORT.")
    ] = None,
) -> None:
    """Play a demo on a running platform: a sale, a declined card, an order that expires."""
    raise typer.Exit(run_demo(gateway or PlatformSettings.from_environment().url))


@app.command()
def seed(
    gateway: Annotated[
        str | None, typer.Option(help="The address of the platform. Default: this machine, at GATEWAY_PORT.")
    ] = None,
) -> None:
    """List about forty tickets of five sellers on a running platform. Repeating it adds only what is missing.

    Everybody can read the password of these sellers in the code. So use this command only where nobody sells for real.
    """
    raise typer.Exit(run_seed(gateway or PlatformSettings.from_environment().url))


@app.command()
def docs(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing. Exit with status 1 if a file is out of date.")
    ] = False,
) -> None:
    """Generate docs/events.md, users.conf (NATS), services.json and topology.json (the pages) from the code."""
    raise typer.Exit(write_generated_files(check=check))


@app.command()
def provision(
    nats_url: Annotated[
        str,
        typer.Option(envvar="NATS_URL", help="The address of the NATS server: nats://host:port[,nats://…]."),
    ],
    replicas: Annotated[
        int | None,
        typer.Option(
            envvar="STREAM_REPLICAS",
            min=1,
            max=5,
            help="How many NATS servers store each stream: 1, 3 or 5. Default: 3 if NATS has three servers, otherwise "
            "1 for a new stream, and an existing stream keeps its number.",
        ),
    ] = None,
) -> None:
    """Create or update the streams and consumers on a NATS server. Repeating it is safe, because it deletes no events.

    It also resumes consumers that are paused. If NATS cannot change a setting of a consumer, it says what to do.

    Waits up to 30 s for a server that is still starting. The NATS server of `make run` uses the port GATEWAY_PORT + 6.
    By default, this is 8086, and the command is `marketplace provision --nats-url nats://127.0.0.1:8086`.
    """
    try:
        parse_nats_url(nats_url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--nats-url") from None
    typer.echo(f"Creating the streams and consumers on NATS at {', '.join(hosts_of(nats_url))} ...")
    streams = asyncio.run(provision_within(nats_url, replicas=replicas))
    typer.echo("The streams and consumers are up to date.")
    for warning in replica_warnings(streams, asked=replicas):
        typer.echo(warning)


app.add_typer(dead_letters, name="dead-letters", rich_help_panel=_OPERATIONS)
app.command("timeline", rich_help_panel=_OPERATIONS)(timeline)
app.command("audit", rich_help_panel=_OPERATIONS)(audit_everything)
app.command("rebuild", rich_help_panel=_OPERATIONS)(rebuild_one)
app.command("restore-done", rich_help_panel=_OPERATIONS)(restore_done)
app.command("republish", rich_help_panel=_OPERATIONS)(republish_state)
app.command("lag", rich_help_panel=_OPERATIONS)(lag)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. If it fails with an error that the user can correct, print only its message, and no traceback."""
    try:
        # The container image starts this program with `python /app`. Without `prog_name`, the help texts there would
        # say `python /app` instead of `marketplace`.
        app(arguments, prog_name="marketplace")
    except PlatformError as error:
        typer.echo(error, err=True)
        sys.exit(error.exit_code)
    except OSError as error:  # for example, the disk is full, or a file belongs to another user
        typer.echo(error, err=True)
        sys.exit(1)
