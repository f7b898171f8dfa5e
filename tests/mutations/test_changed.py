"""Which mutations are tried when only changed code is of interest."""

import subprocess
from pathlib import Path

import pytest
import typer

from mutations.changed import changed_since
from mutations.mutation import Mutation

BEFORE = "def charge():\n    return 1\n\n\ndef refund():\n    return 2\n"
AFTER = BEFORE.replace("return 2", "return 3")


def mutation(where: str) -> Mutation:
    return Mutation(name=where, promise="", where=where, old="", new="", tests=())


CHARGE, REFUND, NEW = map(mutation, ("shop.till:charge", "shop.till:refund", "shop.scale:weigh"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Its working tree has changed since its only commit: one function of two, and a new file."""
    till = tmp_path / "shop" / "src" / "shop" / "till.py"
    till.parent.mkdir(parents=True)
    till.write_text(BEFORE)
    author = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    for command in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "--message", "Add a till"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)  # noqa: S603, S607 - fixed, git of the PATH
    till.write_text(AFTER)
    till.with_name("scale.py").write_text("def weigh():\n    return 0\n")
    return tmp_path


def test_mutations_of_changed_and_of_new_code_are_chosen(repository: Path) -> None:
    assert changed_since("HEAD", [CHARGE, REFUND, NEW], repository) == [REFUND, NEW]


def test_an_unknown_revision_is_refused(repository: Path) -> None:
    with pytest.raises(typer.BadParameter, match="knows no revision no-such-revision"):
        changed_since("no-such-revision", [CHARGE], repository)
