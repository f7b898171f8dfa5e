"""Finds the Chromium or Chrome of this machine. Playwright's own browsers are not needed."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS_APPS = tuple(
    folder / f"{name}.app/Contents/MacOS/{name}"
    for folder in (Path("/Applications"), Path.home() / "Applications")
    for name in ("Google Chrome", "Chromium")
)
_VERSION_SECONDS = 10

SWITCHES = ("--autofill-server-url=data:,",)
"""Chromium itself asks a server of its maker about each form. Our tests would take this for a request of the page."""


class BrowserMissing(Exception):
    """There is no Chromium or Chrome. The message is one line, and says what the user can do."""


def browser_of_this_machine() -> Path:
    """Return the program that BROWSER names, or else the one that is installed. Raises BrowserMissing."""
    return find_chromium(os.environ.get("BROWSER", ""), os.environ.get("PATH", os.defpath), _MACOS_APPS)


def find_chromium(named: str, search_path: str, apps: Sequence[Path]) -> Path:
    if named:
        return _named(named, search_path)
    on_path = [Path(program) for name in _PROGRAMS if (program := shutil.which(name, path=search_path))]
    if found := [*on_path, *filter(Path.is_file, apps)]:
        return found[0]
    raise BrowserMissing(
        "The browser tests need Chromium or Chrome: install it (Debian: apt install chromium; macOS: brew install "
        "--cask google-chrome), or name its program: make test-browser BROWSER=/path/to/chrome"
    )


def _named(name: str, search_path: str) -> Path:
    # Many machines set BROWSER for other programs, for example to Firefox. Playwright would wait for it in vain.
    program = shutil.which(name, path=search_path)
    if program and re.search(r"Chrom(e|ium)", _version(program)):
        return Path(program)
    fault = "is not Chromium or Chrome" if program else "is not a program of this machine"
    raise BrowserMissing(f"BROWSER={name} {fault}: set BROWSER to Chromium or Chrome, or unset it.")


def _version(program: str) -> str:
    try:
        ended = subprocess.run(  # noqa: S603 - the user has named this program
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return ended.stdout
