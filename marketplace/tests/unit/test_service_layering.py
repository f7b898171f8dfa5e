"""The import contracts of every service, which import-linter checks. Those of common and devkit are in pyproject.toml.

They are generated from the registry, because import-linter needs every root package by name. A new service has these
contracts without a change here.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from common.runtime.service_spec import ServiceSpec
from marketplace.registry import SERVICE_NAMES, SERVICES

_ROOTS = ["common", "devkit", "marketplace", *SERVICE_NAMES]
_DRIVERS = ["bson", "motor", "pymongo", "nats", "fastapi", "starlette", "httpx", "stripe"]
_OUTSIDE = ["pymongo", "motor", "nats", "fastapi", "starlette", "common.http", "common.messaging.subscription"]
_STORAGE = ["common.storage", "common.messaging.timeline", "common.messaging.broker", "motor", "pymongo", "nats"]


def contracts() -> list[dict[str, Any]]:
    aggregates = {owned.aggregate.__module__ for spec in SERVICES for owned in spec.aggregates}
    return [
        contract("Services share nothing but common", "independence", modules=SERVICE_NAMES),
        forbidden("common and devkit know no service", ["common", "devkit"], SERVICE_NAMES),
        forbidden("A service needs no devkit, which is in no image", SERVICE_NAMES, ["devkit", "marketplace"]),
        forbidden("Aggregates are pure: no database, no broker, no HTTP", aggregates, _DRIVERS),
        forbidden("Use cases know no HTTP, no MongoDB and no NATS", modules("service"), _OUTSIDE, direct=True),
        forbidden("Only use cases reach storage", modules("routes", "consumers"), _STORAGE, direct=True),
        *(contract(f"One reading path in {spec.name}", "layers", layers=layers(spec)) for spec in SERVICES),
    ]


def layers(spec: ServiceSpec) -> list[str]:
    """Return main, then routes and consumers, then use cases, then storage, then the aggregates."""
    read_models = [kept.read_model.__module__.partition(".")[2] for kept in spec.read_models]
    aggregates = [owned.aggregate.__module__.partition(".")[2] for owned in spec.aggregates]
    below = ["spec", "main", "routes|consumers", "schemas", "service"]
    beside_storage = ["repository", "timers", "passwords", "token_signer", *read_models]
    every = [*below, "|".join(beside_storage), "|".join(aggregates)]
    return [
        " | ".join(f"({spec.name}.{module})" for module in dict.fromkeys(layer.split("|"))) for layer in every if layer
    ]


def modules(*names: str) -> list[str]:
    """Return these modules of every service that has them."""
    every = [f"{service}.{name}" for service in SERVICE_NAMES for name in names]
    return [module for module in every if find_spec(module)]


def forbidden(name: str, source: Iterable[str], target: Iterable[str], *, direct: bool = False) -> dict[str, Any]:
    return contract(
        name,
        "forbidden",
        source_modules=sorted(source),
        forbidden_modules=list(target),
        allow_indirect_imports=direct,
    )


def contract(name: str, kind: str, **rules: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **rules}


def as_toml(contracts: Iterable[dict[str, Any]]) -> str:
    """Write the values as JSON: TOML has the same notation for strings, lists of strings and booleans."""
    general = {"root_packages": _ROOTS, "include_external_packages": True}
    tables = [("[tool.importlinter]", general), *(("[[tool.importlinter.contracts]]", each) for each in contracts)]
    return "\n".join(
        line
        for heading, values in tables
        for line in (heading, *(f"{key} = {json.dumps(value)}" for key, value in values.items()))
    )


@pytest.mark.timeout(120)
def test_the_modules_of_every_service_import_only_what_their_contracts_allow(tmp_path: Path) -> None:
    configuration = tmp_path / "contracts.toml"
    configuration.write_text(as_toml(contracts()))
    linter = Path(sys.executable).with_name("lint-imports")
    command = [str(linter), "--no-logo", "--config", str(configuration), "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own contracts
    assert done.returncode == 0, done.stdout
