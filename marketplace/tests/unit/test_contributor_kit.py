"""The configuration for contributors and their tools names the versions and commands that the repository uses."""

import json
import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[3]


def text_of(path: str) -> str:
    return (REPOSITORY / path).read_text(encoding="utf-8")


def test_ci_runs_every_part_of_make_test_and_make_test_more() -> None:
    parts = re.findall(r"^(?:test|test-more): (.+?) ##", text_of("Makefile"), flags=re.MULTILINE)
    workflow = yaml.safe_load(text_of(".github/workflows/ci.yml"))
    assert len(parts) == 2
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["command"] == " ".join(parts).split()


def test_ci_uses_actions_at_a_commit_and_may_only_read() -> None:
    text = text_of(".github/workflows/ci.yml")
    actions = re.findall(r"uses: (.+)", text)
    assert actions
    assert [each for each in actions if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", each)] == []
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize(("repository", "package"), [("ruff-pre-commit", "ruff"), ("codespell", "codespell")])
def test_pre_commit_uses_the_version_that_make_lint_uses(repository: str, package: str) -> None:
    hooks = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
    (revision,) = [each["rev"] for each in hooks if each["repo"].endswith(f"/{repository}")]
    assert re.search(
        rf"^{package}=={re.escape(revision.removeprefix('v'))} ", text_of("requirements-dev.lock"), re.MULTILINE
    )


@pytest.mark.parametrize("path", sorted(path.name for path in (REPOSITORY / ".github/ISSUE_TEMPLATE").iterdir()))
def test_an_issue_template_can_be_parsed(path: str) -> None:
    assert yaml.safe_load(text_of(f".github/ISSUE_TEMPLATE/{path}"))


def test_the_development_container_installs_what_make_installs() -> None:
    assert json.loads(text_of(".devcontainer/devcontainer.json"))["postCreateCommand"] == "make install"


def test_dependabot_looks_after_python_actions_and_images() -> None:
    updates = yaml.safe_load(text_of(".github/dependabot.yml"))["updates"]
    assert {each["package-ecosystem"] for each in updates} == {"pip", "github-actions", "docker"}
