"""Runs the platform until Ctrl-C, for the commands `marketplace run` and `marketplace dev`."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress

import typer

from devkit.servers import BinaryMissing, ServerFailed
from marketplace.errors import PlatformError
from marketplace.platform import Platform
from marketplace.settings import PlatformSettings

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KILLED = 130  # the exit code after a second Ctrl-C

_Work = Callable[[Platform], Coroutine[None, None, None]]


async def _no_work(_platform: Platform) -> None:
    await asyncio.Event().wait()


def run(settings: PlatformSettings, work: _Work = _no_work) -> int:
    """Run the platform, and call `work` when the platform is ready. Stop both when a signal arrives, or `work` ends.

    Return the exit code, which is 0 after a normal stop, and 130 if a second signal killed the processes. Raises
    PlatformError if the platform cannot start.
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
            with suppress(OSError):  # closing the terminal also sends a signal, and then we cannot print
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
        # This starts the task `working`. `marketplace dev` must watch the code before we print "ready".
        await asyncio.sleep(0)
        typer.echo(f"Marketplace ready at {platform.url}  (press Ctrl-C to stop)")
        await working
