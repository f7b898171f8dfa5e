"""What a service loads: 70 MiB of it are meant to be enough (docs/performance.md)."""

import json
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from marketplace.settings import SERVICES

ROOT = Path(__file__).parents[3]

_LOADED = """
import json, sys
before = set(sys.modules)
import {service}.__main__
print(json.dumps([name for name in set(sys.modules) - before if sys.modules[name] is not None]))
"""


@cache
def loaded_by(service: str) -> set[str]:
    """The packages that its program has loaded when it begins to run."""
    output = subprocess.check_output([sys.executable, "-c", _LOADED.format(service=service)], text=True)  # noqa: S603
    return {name.partition(".")[0] for name in json.loads(output)}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_loads_nothing_that_its_image_has_not(service: str) -> None:
    in_the_image = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    others = {
        package: distributions
        for package, distributions in packages_distributions().items()
        if package in loaded_by(service)
        and not any(re.sub(r"[-_.]+", "-", each).lower() in in_the_image for each in distributions)
        and not any(each.startswith("ticket-marketplace-") for each in distributions)
    }
    assert not others, "leave it out, in common.lean"


def test_payments_loads_no_stripe_before_there_is_a_key() -> None:
    assert "stripe" not in loaded_by("payments")


def test_expiration_which_asks_nobody_who_they_are_loads_no_cryptography() -> None:
    assert not {"jwt", "cryptography"} & loaded_by("expiration")
