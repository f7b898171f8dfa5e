"""The file VERSION is the only place that states the version of the repository."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
VERSION = (REPOSITORY / "VERSION").read_text(encoding="utf-8").strip()
PACKAGES = sorted(path.parent.name for path in REPOSITORY.glob("*/pyproject.toml"))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_installed_package_has_the_version_of_the_repository(package: str) -> None:
    assert version(f"ticket-marketplace-{package}") == VERSION


def test_the_changelog_describes_the_version() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", changelog, flags=re.MULTILINE)
    assert headings[:2] == ["Unreleased", VERSION]
