"""Which mutations concern code that has changed since a revision."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import typer

from mutations.mutation import CannotApply, Mutation
from mutations.scratch import REPOSITORY


def changed_since(revision: str, mutations: Iterable[Mutation], repository: Path = REPOSITORY) -> list[Mutation]:
    """Those whose symbol (or file, if it is no Python) is not what it was at that revision."""
    then = _Revision(revision, repository)
    if then.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is None:
        raise typer.BadParameter(f"git knows no revision {revision}", param_hint="--since")
    return [each for each in mutations if then.symbol(each) != _symbol(each, _text(repository / each.path))]


@dataclass(frozen=True)
class _Revision:
    name: str
    repository: Path

    def symbol(self, mutation: Mutation) -> str | None:
        return _symbol(mutation, self.git("show", f"{self.name}:{mutation.path.as_posix()}"))

    def git(self, *arguments: str) -> str | None:
        """What git prints; None if it fails."""
        done = subprocess.run(  # noqa: S603 - no shell; the revision is one argument
            ["git", *arguments],  # noqa: S607 - git of the PATH
            cwd=self.repository,
            check=False,
            capture_output=True,
            text=True,
        )
        return done.stdout if done.returncode == 0 else None


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _symbol(mutation: Mutation, text: str | None) -> str | None:
    """None if there is no such file or no such symbol."""
    try:
        return None if text is None else mutation.symbol_in(text)
    except CannotApply:
        return None
