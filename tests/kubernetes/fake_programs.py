"""docker, podman, kind and kubectl as programs that record their calls, for tests of `make <target>`."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from kubernetes.rendering import REPOSITORY

_RECORDER = Path(__file__).with_name("recorder.py")
_NEEDED = ("sh", "echo", "grep", "mktemp", "rm", "sed")
"""What the recipes need of the real PATH."""


class Call(NamedTuple):
    text: str
    """Program and arguments, without kubectl's --context and the platform's --namespace."""
    context: str | None
    namespace: str | None
    given: str
    """What the program read from its standard input."""
    environment: dict[str, str]


class FakePrograms:
    def __init__(self, folder: Path) -> None:
        self._folder, self._bin, self._answers = folder, folder / "bin", list[tuple[str, str, int]]()
        self._bin.mkdir()
        self.answer("kubectl get secrets,configmaps", '{"items": []}')
        for name in ("docker", "podman", "kind", "kubectl"):
            program = self._bin / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{_RECORDER}" "{folder}" {name} "$@"\n')
            program.chmod(0o755)
        for name in _NEEDED:
            (self._bin / name).symlink_to(str(shutil.which(name)))

    def answer(self, beginning: str, output: str = "", status: int = 0) -> None:
        """From now on, calls that begin like this print the output and end with the status."""
        self._answers.insert(0, (beginning, output, status))
        (self._folder / "answers").write_text(json.dumps(self._answers))

    def fail(self, beginning: str) -> None:
        self.answer(beginning, "it does not work\n", 1)

    def remove(self, program: str) -> None:
        (self._bin / program).unlink()

    def calls(self) -> list[Call]:
        """Return the calls since the last time, in order."""
        log = self._folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [_call(**json.loads(line)) for line in lines]

    def commands(self, *beginnings: str) -> list[str]:
        """Return the texts of those calls that begin with one of these."""
        return [call.text for call in self.calls() if call.text.startswith(beginnings)]

    def make(self, target: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run `make <target> VARIABLE=value` with the fakes on the PATH."""
        values = [f"{name}={value}" for name, value in variables.items()]
        return subprocess.run(  # noqa: S603 - our own Makefile
            [str(shutil.which("make")), "--assume-old=install", f"BIN={Path(sys.executable).parent}", target, *values],
            cwd=REPOSITORY,
            env={"PATH": str(self._bin)},
            capture_output=True,
            text=True,
            check=False,
        )


def _call(text: str, given: str, environment: dict[str, str]) -> Call:
    context, namespace = (re.search(rf" --{option} (\S+)", text) for option in ("context", "namespace"))
    text = re.sub(r" --context \S+| --namespace ticket-marketplace\b", "", text)
    return Call(text, context and context[1], namespace and namespace[1], given, environment)
