"""Scratch copies of the repository, in which mutations are applied and tests run."""

import os
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


class ScratchCopy:
    """A copy of what git tracks, and of what it would track, as it lies in the working tree."""

    def __init__(self, folder: Path, repository: Path = REPOSITORY) -> None:
        self.folder = folder
        self._repository = repository
        for path in _files(repository):
            source, target = repository / path, folder / path
            if source.is_file():  # not if it has been deleted and not committed yet
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)

    def environment(self) -> dict[str, str]:
        """The variables with which a process in the copy imports the copy's packages and not the installed ones."""
        sources = sorted(self.folder.glob("*/src"))
        tools = self._repository / ".venv-k8s" / "bin"  # kubectl and checkov
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, sources)),
            # A compiled module names the second in which its source was written, and its size. A mutation of the same
            # size, less than a second later, would not run.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", "")]),
        }


def _files(repository: Path) -> list[str]:
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(listing, cwd=repository, check=True, capture_output=True, text=True)  # noqa: S603 - fixed
    return [path for path in found.stdout.split("\0") if path]
