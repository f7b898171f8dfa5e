"""`python -m tools.create_secrets OVERLAY kubectl [OPTION]...`: creates the missing keys and passwords in a cluster.

OVERLAY is the folder of the Kubernetes manifests (a Kustomize overlay). Each OPTION is an option of kubectl.

The program passes the values of the secrets only to the standard input of kubectl. It never writes these values into an
argument of a command, into a file or to its own output.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from marketplace.errors import PlatformError
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings
from tools.credentials import CONFIG_MAPS, NATS_SERVERS, Contents, missing_credentials


def create_secrets(overlay: str, kubectl: list[str]) -> None:
    """Create the missing Secrets. Print the names of the new Secrets, and of the Secrets that already existed.

    If the Secret of the NATS servers lacks passwords, add them. No password is ever changed.

    `overlay` is the folder of the Kustomize overlay. `kubectl` is the command kubectl with its options. Raises
    PlatformError if a command fails, or if a Secret is missing that only a person can create.
    """
    stripe = PlatformSettings.from_environment().stripe_keys
    manifests = [each for each in yaml.safe_load_all(_run([*kubectl, "kustomize", overlay])) if each]
    stateful_sets = {each["metadata"]["name"] for each in manifests if each["kind"] == "StatefulSet"}
    internal = [service for service in SERVICE_NAMES if f"{service}-mongodb" in stateful_sets]
    found = json.loads(_run([*kubectl, "get", "secrets,configmaps", "--output", "json"]))["items"]
    existing = {each["metadata"]["name"]: _contents(each) for each in found if _is_credential(each)}
    missing = missing_credentials(existing, stripe, internal)
    added = missing.pop(NATS_SERVERS, None) if NATS_SERVERS in existing else None
    if missing:
        items = [_as_object(name, contents) for name, contents in missing.items()]
        # We use `create` and not `apply`. `create` never overwrites an existing Secret. And `apply` would store another
        # copy of the values in an annotation.
        _run([*kubectl, "create", "--filename", "-"], json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    sys.stdout.write(f"Secrets created: {', '.join(missing) or 'none'}.\n")
    if added:
        _run(
            [*kubectl, "patch", "secret", NATS_SERVERS, "--patch-file", "/dev/stdin"], json.dumps({"stringData": added})
        )
        sys.stdout.write(f"Secrets completed: {NATS_SERVERS}.\n")
    sys.stdout.write(f"Secrets kept: {', '.join(sorted(existing)) or 'none'}.\n")
    external = [f"{service}-mongodb" for service in SERVICE_NAMES if service not in internal]
    if unknown := [name for name in external if name not in existing]:
        raise PlatformError(
            f"Create these secrets yourself, because their databases are outside of the cluster: {', '.join(unknown)}. "
            f"See docs/kubernetes.md, Production."
        )


def _run(command: list[str], given: str | None = None) -> str:
    """Run the command, with the text `given` as its input, and return its output.

    Raises PlatformError if the command fails. In this case, the command itself has already printed the reason.
    """
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - no shell, and no argument is a secret
    if done.returncode:
        raise PlatformError(f"`{' '.join(command)}` failed.")
    return done.stdout


def _is_credential(found: Mapping[str, Any]) -> bool:
    return bool(found["kind"] == "Secret" or found["metadata"]["name"] in CONFIG_MAPS)


def _contents(found: Mapping[str, Any]) -> Contents:
    data: dict[str, str] = found.get("data") or {}
    if found["kind"] == "ConfigMap":
        return data
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def _as_object(name: str, contents: Contents) -> dict[str, Any]:
    kind, field = ("ConfigMap", "data") if name in CONFIG_MAPS else ("Secret", "stringData")
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, field: contents}


if __name__ == "__main__":
    try:
        create_secrets(sys.argv[1], sys.argv[2:])
    except PlatformError as error:
        sys.exit(str(error))
