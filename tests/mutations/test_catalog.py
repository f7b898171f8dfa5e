"""Every mutation fits the code and the tests that there are now."""

import ast
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from mutations.catalog import AREAS, MUTATIONS
from mutations.document import DOCUMENT, SUMMARY, document, with_summary
from mutations.mutation import CannotApply, Mutation
from mutations.scratch import REPOSITORY


def test_there_is_an_area_for_each_file_of_the_catalogue() -> None:
    files = {path.stem for path in (Path(__file__).parent / "catalog").glob("*.py")} - {"__init__"}
    assert files == set(AREAS)


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(mutation.name for mutation in MUTATIONS).items() if count > 1] == []


def test_every_mutation_can_be_applied_to_the_code() -> None:
    assert [reason for mutation in MUTATIONS if (reason := _why_not_applied(mutation))] == []


def test_no_mutation_uses_a_name_that_does_not_exist(tmp_path: Path) -> None:
    """Such a mutation breaks the code instead of removing a protection, and any test would fail."""
    for mutation in MUTATIONS:
        if mutation.path.suffix == ".py":
            mutated = mutation.change((REPOSITORY / mutation.path).read_text(encoding="utf-8"))
            (tmp_path / f"{mutation.name}.py").write_text(mutated, encoding="utf-8")
    checking = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "--output-format", "concise"]
    found = subprocess.run([*checking, str(tmp_path)], capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert found.returncode == 0, found.stdout


def test_every_mutation_names_tests_that_exist() -> None:
    assert [mutation.name for mutation in MUTATIONS if not mutation.tests] == []
    assert [test for mutation in MUTATIONS for test in mutation.tests if not _exists(test)] == []


@pytest.mark.slow
def test_every_mutation_names_tests_that_pytest_finds() -> None:
    """With their parameters. Otherwise pytest would run none of the tests that it was asked to run together."""
    tests = sorted({test for mutation in MUTATIONS for test in mutation.tests})
    collecting = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *tests]
    found = subprocess.run(collecting, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert [line for line in found.stderr.splitlines() if line.startswith("ERROR")] == []
    assert found.returncode == 0, found.stdout[-500:]


def test_every_mutation_fits_into_a_table() -> None:
    assert [mutation.name for mutation in MUTATIONS if set("|`\n") & set(mutation.name + mutation.promise)] == []


def test_the_document_of_all_mutations_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "run `make docs`"


def test_the_summary_of_the_mutations_is_current() -> None:
    text = SUMMARY.read_text(encoding="utf-8")
    assert text == with_summary(text), "run `make docs`"


def _why_not_applied(mutation: Mutation) -> str:
    path = REPOSITORY / mutation.path
    if not path.is_file():
        return f"{mutation.name}: there is no {mutation.path}"
    text = path.read_text(encoding="utf-8")
    try:
        return f"{mutation.name}: changes nothing" if mutation.change(text) == text else ""
    except CannotApply as reason:
        return f"{mutation.name}: {reason}"


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    return (REPOSITORY / path).is_file() and name.partition("[")[0] in _tests_in(path)


@cache
def _tests_in(path: str) -> set[str]:
    tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
