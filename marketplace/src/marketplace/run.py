"""Runs the platform until Ctrl-C, for the commands `marketplace run` and `marketplace dev`."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress

import typer

from devkit.servers import BinaryMissing, ServerFailed
from marketplace.catching_up import in_background, show_catching_up
from marketplace.errors import PlatformError
from marketplace.platform import Platform
from marketplace.settings import PlatformSettings

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KILLED = 130  # the exit code if a second signal, such as a second Ctrl-C, kills the processes

_Work = Callable[[Platform], Coroutine[None, None, None]]


async def _no_work(_platform: Platform) -> None:
    await asyncio.Event().wait()


def run(settings: PlatformSettings, work: _Work = _no_work) -> int:
    """Run the platform until a signal arrives. When the platform is ready, start `work`, which runs at the same time.

    For `marketplace dev`, `work` restarts the services whose code changes. By default, `work` only waits.

    The first signal cancels `work` and stops all processes of the platform. The exit code is then 0. If some processes
    are still running when a second signal arrives, this signal kills them at once. The exit code is then 130. If `work`
    ends by itself, the platform also stops, and the exit code is 0.

    Return the exit code. Raises PlatformError if the platform cannot start.
    """
    try:
        return asyncio.run(_run(settings, work))
    except BinaryMissing as error:
        raise PlatformError(str(error)) from None
    except ServerFailed as error:
        raise PlatformError(error.in_one_line) from None


async def _run(settings: PlatformSettings, work: _Work) -> int:
    platform = Platform(settings, verbose=True)
    serving = asyncio.create_task(_serve(platform, work))
    killed = False

    def on_signal() -> None:
        nonlocal killed
        if serving.cancelling():
            killed = True
            platform.kill_everything()
        else:
            serving.cancel()
            with suppress(OSError):  # closing the terminal sends SIGHUP, and after that, printing raises OSError
                typer.echo("\nStopping. Press Ctrl-C again to kill all processes at once.")

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        await serving
    except asyncio.CancelledError:
        return _KILLED if killed else 0
    return 0


async def _serve(platform: Platform, work: _Work) -> None:
    typer.echo("Starting MongoDB, NATS, the services and the gateway ...")
    async with platform:
        working = asyncio.create_task(work(platform))
        # sleep(0) lets the event loop run the new task until this task waits for the first time. If `work` watches the
        # code for `marketplace dev`, it then already watches when we print "ready", and misses no later change.
        await asyncio.sleep(0)
        typer.echo(f"Marketplace ready at {platform.url}  (its API: {platform.url}/api/docs)")
        if platform.settings.live_page == "on":
            typer.echo(f"Watch its services and events at {platform.url}/live")
        typer.echo("`make seed` lists example tickets, `make demo` plays sales. Press Ctrl-C to stop.")
        async with in_background(show_catching_up(platform.settings, platform.show_line)):
            await working
