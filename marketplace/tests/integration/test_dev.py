"""`marketplace dev` as a process, with copies of the packages that a test may change."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from marketplace.tests.integration.launcher import ended, launched, until

import common
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings

pytestmark = pytest.mark.slow


@pytest.fixture
def packages(fake_services: Path) -> Path:
    """The folder in which every child process finds the services, which are fakes, and a copy of `common`."""
    shutil.copytree(Path(common.__file__).parent, fake_services / "common")
    return fake_services


@pytest.fixture
def dev(packages: Path, settings: PlatformSettings) -> Iterator[subprocess.Popen[str]]:
    with launched(settings, "dev") as process:
        until(process, "ready at")
        yield process


def pids(dev: subprocess.Popen[str]) -> dict[str, int]:
    return {child.cmdline()[-1]: child.pid for child in psutil.Process(dev.pid).children()}


def restarted(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name in after if after[name] != before[name]}


@pytest.mark.parametrize("file", ["__main__.py", "pages/front.html"])
def test_a_change_of_any_file_in_a_package_restarts_its_service_alone(
    packages: Path, dev: subprocess.Popen[str], file: str
) -> None:
    before = pids(dev)
    path = packages / "orders" / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as opened:
        opened.write("# changed")
    lines = until(dev, "orders is ready again after")
    assert "orders: orders/" in "".join(lines)
    assert restarted(before, pids(dev)) == {"orders"}


def test_a_change_in_common_restarts_every_service(packages: Path, dev: subprocess.Popen[str]) -> None:
    before = pids(dev)
    (packages / "common" / "money.py").write_text("# changed")
    waiting = set(SERVICE_NAMES)
    while waiting:
        *_, line = until(dev, "is ready again after")
        waiting.remove(line.split()[0])
    assert restarted(before, pids(dev)) == set(SERVICE_NAMES)


def test_code_that_fails_to_start_is_shown_and_the_next_change_restarts_it(
    packages: Path, dev: subprocess.Popen[str]
) -> None:
    path = packages / "orders" / "__main__.py"
    works = path.read_text()
    path.write_text("def broken(:")
    lines = until(dev, "The next change starts it again.")
    assert any(line.startswith("orders stopped while starting (exit code 1): SyntaxError") for line in lines)
    assert any("def broken(:" in line for line in lines), "the traceback comes before this line"
    path.write_text(works)
    until(dev, "orders is ready again after")


def test_a_signal_ends_it_while_a_service_is_stopped_by_an_error(packages: Path, dev: subprocess.Popen[str]) -> None:
    (packages / "orders" / "__main__.py").write_text("def broken(:")
    until(dev, "The next change starts it again.")
    children = psutil.Process(dev.pid).children()
    dev.terminate()
    assert ended(dev, children) == 0
