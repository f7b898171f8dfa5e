"""Writes the files of the repository that are generated from the code, or checks that these files are up to date."""

from collections.abc import Callable
from pathlib import Path

from marketplace import event_docs, nats_users, service_list, topology

GENERATED: dict[Path, Callable[[], str]] = {
    Path("docs/events.md"): event_docs.generate,
    Path("infra/k8s/base/nats/users.conf"): nats_users.generate,
    Path("auth/src/auth/services.json"): service_list.generate,
    Path("storefront/src/storefront/platform/topology.json"): topology.generate,
}
"""Maps the path of each generated file to the function that returns its text.

The paths are relative to the root of the repository. So you must run `marketplace docs`, the command that writes these
files, in the root of the repository.
"""


def main(*, check: bool = False) -> int:
    """Write all generated files and return 0.

    With `check`, write nothing. Then return 1 if a file is missing or out of date, otherwise 0.
    """
    if check:
        return int(any(is_out_of_date(path) for path in GENERATED))
    for path, generate in GENERATED.items():
        path.write_text(generate(), encoding="utf-8")
    return 0


def is_out_of_date(path: Path) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != GENERATED[path]()
