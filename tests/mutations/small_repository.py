"""A repository that is small enough to try the runner on: one function, and its tests."""

import subprocess
from pathlib import Path

CODE = """\
def change(paid: int, price: int) -> int:
    if paid < price:
        raise ValueError(paid)
    return paid - price
"""
TESTS = """\
import pytest
from shop.till import change

@pytest.fixture
def till():
    assert change(5, 3) == 2, "the fixture does not get its change"
    return change

def test_change_is_given():
    assert change(5, 3) == 2

def test_too_little_is_refused():
    with pytest.raises(ValueError):
        change(1, 3)

@pytest.mark.parametrize("paid", [3, 4])
def test_no_more_is_given_than_was_paid(paid):
    assert 0 <= change(paid, 3) <= 1

@pytest.mark.timeout(0.5)
def test_change_comes_in_time():
    assert change(5, 3) == 2

def test_with_a_fixture(till):
    pass

@pytest.fixture
def page():
    yield
    assert change(5, 3) == 2, "errors in the browser: ['uncaught: ReferenceError: payd is not defined']"

def test_a_page_shows_the_change(page):
    assert change(5, 3) == 2
"""


TEST_FILE = "tests/test_till.py"


def small_repository(folder: Path) -> Path:
    """Create it as a git repository in this folder, which is returned."""
    files = {
        "shop/src/shop/__init__.py": "",
        "shop/src/shop/till.py": CODE,
        TEST_FILE: TESTS,
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['-p', 'no:xdist']\n",
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)  # noqa: S607 - git of the PATH
    return folder
