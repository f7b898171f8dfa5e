"""`make secrets`: the credentials that the cluster has not got yet, given to kubectl's input and to nothing else."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings
from tools.cluster import Cluster
from tools.credentials import Contents, missing_credentials
from tools.manifests import external_databases
from tools.program import Stopped, say
from tools.settings import NAMESPACE, Settings

_PUBLIC = "token-public-key"
"""The only one that is no secret: a ConfigMap."""


def make_secrets(settings: Settings) -> None:
    """Raise Conflict or Stopped. A second run changes nothing."""
    stripe_key = PlatformSettings.from_environment().stripe_key
    cluster = Cluster(settings)
    cluster.make_namespace()
    existing = _read(cluster)
    outside = external_databases(cluster.render(settings.overlay))
    inside = [service for service in SERVICE_NAMES if service not in outside]
    made = missing_credentials(existing, stripe_key.get_secret_value() if stripe_key else None, inside)
    if made:
        items = [_as_object(name, contents) for name, contents in made.items()]
        new = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        # create, not apply: that refuses what is there already, and leaves no copy in an annotation.
        cluster.read("create", "--filename", "-", given=new)
    say(f"Secrets made: {', '.join(made) or 'none'}.")
    say(f"Secrets kept: {', '.join(sorted(existing)) or 'none'}.")
    if unknown := [f"{service}-mongodb" for service in outside if f"{service}-mongodb" not in existing]:
        raise Stopped(
            f"These databases are run elsewhere, so only you can make their secrets: {', '.join(unknown)}. See "
            f"docs/kubernetes.md, What production changes."
        )


def _read(cluster: Cluster) -> dict[str, Contents]:
    found = json.loads(cluster.read("get", "secrets,configmaps", "--output", "json"))["items"]
    return {each["metadata"]["name"]: _contents(each) for each in found if _is_credential(each)}


def _is_credential(found: Mapping[str, Any]) -> bool:
    return bool(found["kind"] == "Secret" or found["metadata"]["name"] == _PUBLIC)


def _contents(found: Mapping[str, Any]) -> Contents:
    data: dict[str, str] = found.get("data") or {}
    if found["kind"] == "ConfigMap":
        return data
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def _as_object(name: str, contents: Contents) -> dict[str, Any]:
    content = {"data": contents} if name == _PUBLIC else {"stringData": contents}
    kind = "ConfigMap" if name == _PUBLIC else "Secret"
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, **content}
