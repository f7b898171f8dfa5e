"""docker, kind and kubectl, as far as `make deploy` and the others need them: they keep state and write down each call.

Run as a program, this file is one of them; imported, it is how a test sets them up and asks what they were told.
"""

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
PROGRAMS = ("docker", "podman", "kind", "kubectl")
RENDERED = """\
apiVersion: v1
kind: Namespace
metadata:
  name: ticket-marketplace
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: nats
---
apiVersion: batch/v1
kind: Job
metadata:
  name: provisioning
spec:
  image: ticket-marketplace/marketplace:latest
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: orders
spec:
  image: registry.example.com/ticket-marketplace/orders:latest
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: somewhere
"""
EXTERNAL = """\
---
apiVersion: v1
kind: Service
metadata:
  name: orders-mongodb
spec:
  externalName: orders.mongodb.example.com
  type: ExternalName
"""


@dataclass(frozen=True)
class Call:
    command: str
    """Without --context and --namespace."""
    context: str | None
    given: str

    def __str__(self) -> str:
        return self.command


class FakePrograms:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        self.keep({"namespace": False, "clusters": [], "objects": {}, "applied": {}, "failing": "nothing"})
        for name in PROGRAMS:
            program = folder / "bin" / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{__file__}" {name} "$@"\n')
            program.chmod(0o755)

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.folder / "state.json").read_text())

    def keep(self, state: dict[str, Any]) -> None:
        (self.folder / "state.json").write_text(json.dumps(state))

    def fail(self, command: str) -> None:
        """From now on, every command that begins with these words."""
        self.keep(self.state | {"failing": command})

    def remove(self, program: str) -> None:
        (self.folder / "bin" / program).unlink()

    def calls(self) -> list[Call]:
        """Since the last time they were asked for."""
        log = self.folder / "calls"
        found = [Call(**json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []
        log.unlink(missing_ok=True)
        return found

    def contents(self) -> dict[str, dict[str, str]]:
        """Every Secret and ConfigMap of the cluster."""
        return {
            name: {key: base64.b64decode(value).decode() for key, value in each["data"].items()}
            if each["kind"] == "Secret"
            else each["data"]
            for name, each in self.state["objects"].items()
        }

    def put(self, name: str, **contents: str) -> None:
        secret = {"kind": "Secret", "metadata": {"name": name}, "data": _encoded(contents)}
        self.keep(self.state | {"objects": self.state["objects"] | {name: secret}})

    def delete(self, *names: str) -> None:
        objects = {name: each for name, each in self.state["objects"].items() if name not in names}
        self.keep(self.state | {"objects": objects})

    def make(self, command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """As `make <command> VARIABLE=value` does, with nothing but the fakes on the PATH."""
        return subprocess.run(  # noqa: S603 - our own tools
            [sys.executable, "-m", "tools", command],
            cwd=REPOSITORY,
            env=self.environment(PATH=str(self.folder / "bin")) | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self, **variables: str) -> dict[str, str]:
        return {"PYTHONPATH": str(REPOSITORY / "infra/k8s"), "FAKES": str(self.folder), **variables}


def _encoded(contents: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in contents.items()}


def _kubectl(fakes: FakePrograms, command: str, given: str) -> str:  # noqa: C901 - an answer a command
    state = fakes.state
    named = dict(re.findall(r"^kind: (\w+)\nmetadata:\n  name: (\S+)$", given, flags=re.MULTILINE))
    if command.startswith("get namespace"):
        return "namespace/ticket-marketplace" if state["namespace"] else ""
    if command.startswith("apply --filename infra/k8s/base/namespace.yaml"):
        fakes.keep(state | {"namespace": True})
    if command.startswith("apply --filename -"):
        fakes.keep(state | {"applied": state["applied"] | named})
    if command.startswith("delete"):
        fakes.keep(state | {"applied": {kind: name for kind, name in state["applied"].items() if kind not in named}})
    if command.startswith("get secrets,configmaps"):
        return json.dumps({"items": list(state["objects"].values())})
    if command.startswith("create"):
        if not state["namespace"]:
            sys.exit('namespaces "ticket-marketplace" not found')
        for each in json.loads(given)["items"]:
            name = each["metadata"]["name"]
            if name in state["objects"]:
                sys.exit(f'secrets "{name}" already exists')
            state["objects"][name] = each | {"data": each.get("data") or _encoded(each.pop("stringData"))}
        fakes.keep(state)
    if command.startswith("kustomize"):
        return RENDERED + (EXTERNAL if command.endswith("overlays/production") else "")
    for kind, resource in (("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("Job", "jobs")):
        if command.startswith(f"get {resource} --output name") and kind in state["applied"]:
            group = "batch" if kind == "Job" else "apps"
            return f"{kind.lower()}.{group}/{state['applied'][kind]}"
    return ""


def _kind(fakes: FakePrograms, command: str, _given: str) -> str:
    state = fakes.state
    if command.startswith("create cluster --name "):
        fakes.keep(state | {"clusters": [*state["clusters"], command.split()[3]]})
    return "\n".join(state["clusters"]) if command == "get clusters" else ""


def _docker(_fakes: FakePrograms, _command: str, _given: str) -> str:
    return ""


def main() -> None:
    program, *arguments = sys.argv[1:]
    folder = Path(os.environ["FAKES"])
    fakes = object.__new__(FakePrograms)
    fakes.folder = folder
    given = sys.stdin.read() if "-" in arguments else ""
    command = " ".join(arguments)
    chosen = re.search(r"--context (\S+) ", command)
    command = re.sub(r"--context \S+ | --namespace ticket-marketplace", "", command)
    with (folder / "calls").open("a") as log:
        call = {"command": f"{program} {command}", "context": chosen and chosen[1], "given": given}
        log.write(json.dumps(call) + "\n")
    if f"{program} {command}".startswith(fakes.state["failing"]):
        sys.exit(f"{program}: it does not work")
    sys.stdout.write({"kubectl": _kubectl, "kind": _kind}.get(program, _docker)(fakes, command, given))


if __name__ == "__main__":
    main()
