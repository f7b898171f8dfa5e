"""Running docker, kind and kubectl. What goes wrong ends the command with one line, and no stack trace."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field


def say(sentence: str) -> None:
    """At once, so that it stands before what a program says next."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


class Stopped(Exception):
    """The message is the one line that the user reads."""


@dataclass(frozen=True)
class Program:
    name: str
    if_missing: str
    """What to do then."""
    always: tuple[str, ...] = ()
    """Arguments of every call."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def require(self) -> None:
        """Raise Stopped if it is not on the PATH."""
        if shutil.which(self.name) is None:
            raise Stopped(f"`{self.name}` is missing: {self.if_missing}")

    def run(self, *arguments: str, given: str | None = None) -> None:
        """Let it talk to the terminal. `given` is what it reads; raises Stopped if it fails."""
        self._run(arguments, given, read=False)

    def read(self, *arguments: str, given: str | None = None) -> str:
        """Return what it writes, except for its complaints, which the terminal shows."""
        return self._run(arguments, given, read=True)

    def _run(self, arguments: tuple[str, ...], given: str | None, *, read: bool) -> str:
        self.require()
        done = subprocess.run(  # noqa: S603 - no shell, and no argument is a secret: those are `given`
            [self.name, *self.always, *arguments],
            env=os.environ | self.environment,
            input=given,
            stdout=subprocess.PIPE if read else None,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Stopped(f"`{' '.join([self.name, *arguments])}` failed, with status {done.returncode}.")
        return done.stdout or ""
