"""The command line: `marketplace run`, `dev`, `demo`, `docs`, `provision`, and the operators' commands."""

import asyncio
import sys
from typing import Annotated

import typer

from marketplace.bounded_provisioning import provision_within
from marketplace.demo import run_demo
from marketplace.errors import PlatformError
from marketplace.generated import main as write_generated_files
from marketplace.operations.audit_command import audit_everything
from marketplace.operations.dead_letter_commands import dead_letters
from marketplace.operations.lag_command import lag
from marketplace.operations.rebuild_command import rebuild_one
from marketplace.operations.timeline_command import timeline
from marketplace.probes import hosts_of
from marketplace.settings import PlatformSettings

app = typer.Typer(
    help="A ticket marketplace of five event-driven services: run it, watch it, keep it right.\n\n"
    "The operators' commands find the platform as `run` does: by GATEWAY_PORT, or MONGO_URL and NATS_URL. Exit status "
    "of all commands: 0 done · 1 something is wrong, and a line says what · 2 not understood.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


_OPERATIONS = "Operations"


@app.command()
def run() -> None:
    """Run the whole platform on this machine until Ctrl-C.

    MongoDB, NATS, the services and the gateway start as child processes; one that dies is started again.
    Their data and logs are in DATA_DIR. Settings are environment variables:

    - GATEWAY_PORT (8080): where to reach it; everything else takes the ports above
    - DATA_DIR (.data): delete it to begin afresh
    - ORDER_WINDOW_SECONDS (900): how long an order holds its ticket
    - MONGO_URL, NATS_URL: servers that run elsewhere, instead of our own
    - MONGO_DRIVER (motor): or pymongo
    - STRIPE_KEY: without one, cards are charged in a sandbox
    - LOG_LEVEL (info): debug, info, warning or error; LOG_FORMAT (text): or json
    """
    from marketplace.run import run as run_platform  # noqa: PLC0415 - it needs devkit, which is in no image

    raise typer.Exit(run_platform(PlatformSettings.from_environment()))


@app.command()
def dev() -> None:
    """Run the platform as `run` does, and restart each service when its code changes.

    A change in `common` restarts all services. The settings are those of `run`.
    """
    from marketplace.dev import restart_on_change  # noqa: PLC0415 - likewise
    from marketplace.run import run as run_platform  # noqa: PLC0415 - likewise

    raise typer.Exit(run_platform(PlatformSettings.from_environment(), restart_on_change))


@app.command()
def demo(
    gateway: Annotated[
        str | None, typer.Option(help="Where the platform runs; by default on this machine, at GATEWAY_PORT.")
    ] = None,
) -> None:
    """Play the whole story on a platform that is running: a sale, a declined card, an expiry."""
    raise typer.Exit(run_demo(gateway or PlatformSettings.from_environment().url))


@app.command()
def docs(
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a file is out of date.")] = False,
) -> None:
    """Write docs/events.md, NATS's users.conf and auth's services.json from the events and the services' SPECs."""
    raise typer.Exit(write_generated_files(check=check))


@app.command()
def provision(
    nats_url: Annotated[str, typer.Option(envvar="NATS_URL", help="The NATS server, nats://host:port.")],
    replicas: Annotated[
        int,
        typer.Option(envvar="STREAM_REPLICAS", min=1, max=5, help="How many servers keep each stream: 1, 3 or 5."),
    ] = 1,
) -> None:
    """Create or update the streams and consumers on a NATS server. Safe to repeat; no event is lost.

    The NATS of `make run` is at GATEWAY_PORT + 6: `marketplace provision --nats-url nats://127.0.0.1:8086`. It is given
    30 s to answer, for it may be on its way up.
    """
    if not hosts_of(nats_url):
        raise typer.BadParameter("it must be nats://host:port", param_hint="--nats-url")
    typer.echo(f"Setting up streams and consumers on NATS at {', '.join(hosts_of(nats_url))} ...")
    asyncio.run(provision_within(nats_url, replicas=replicas))
    typer.echo("Done.")


app.add_typer(dead_letters, name="dead-letters", rich_help_panel=_OPERATIONS)
app.command("timeline", rich_help_panel=_OPERATIONS)(timeline)
app.command("audit", rich_help_panel=_OPERATIONS)(audit_everything)
app.command("rebuild", rich_help_panel=_OPERATIONS)(rebuild_one)
app.command("lag", rich_help_panel=_OPERATIONS)(lag)


def main() -> None:
    """Run a command. An error that the user can correct is one line, without a stack trace."""
    try:
        app(prog_name="marketplace")  # also in the image, where the command is `python /app`
    except PlatformError as error:
        typer.echo(error, err=True)
        sys.exit(error.exit_code)
    except OSError as error:  # a full disk, a file that somebody else owns
        typer.echo(error, err=True)
        sys.exit(1)
