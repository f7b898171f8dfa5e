"""Taking apart what kustomize has rendered, and putting it together again; as text, which kubectl takes as it is."""

import re
from collections.abc import Iterable

from marketplace.registry import SERVICE_NAMES


def documents(manifests: str) -> list[str]:
    """Each begins in the first column, where nothing that is inside one can stand: that is how kustomize writes."""
    return manifests.split("\n---\n")


def kind_of(document: str) -> str:
    found = re.search(r"^kind: (\w+)$", document, flags=re.MULTILINE)
    return found[1] if found else ""


def of_kind(manifests: str, kind: str) -> list[str]:
    return [each for each in documents(manifests) if kind_of(each) == kind]


def join(some: Iterable[str]) -> str:
    return "\n---\n".join(some)


def external_databases(manifests: str) -> list[str]:
    """The services whose database is run elsewhere."""
    outside = [each for each in of_kind(manifests, "Service") if "\n  type: ExternalName" in each]
    return [service for service in SERVICE_NAMES if any(f"\n  name: {service}-mongodb\n" in each for each in outside)]
